//! What no command shows of a record: payment tokens, and what is about a person.

use orders::is_private_member;
use serde_json::Value;

/// Removes such members, wherever they are.
pub(crate) fn remove_private_members(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|name, _| !is_private_member(name));
            members.values_mut().for_each(remove_private_members);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_private_members),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn neither_a_payment_token_nor_anything_about_a_person_is_shown() {
        let mut record = json!({"event": {"created_v2": {"digest": "d", "order": {
            "lines": [{"sku": "A"}], "payment_token": "tok_secret", "reference": "r", "customer_id": "c",
            "shipping_address": {"name": "Ann"}, "contact": {"phone": "+1"}, "metadata": {"k": "v"},
        }}}});
        remove_private_members(&mut record);
        let shown = json!({"digest": "d", "order": {"lines": [{"sku": "A"}], "reference": "r"}});
        assert_eq!(record, json!({"event": {"created_v2": shown}}));
    }
}
