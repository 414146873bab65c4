//! Payment tokens are shown to no operator: they are worth money to the shop that they are for.

use serde_json::Value;

/// Removes the payment tokens from a record.
pub(crate) fn remove_payment_tokens(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.remove("payment_token");
            members.values_mut().for_each(remove_payment_tokens);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_payment_tokens),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_payment_token_is_not_shown() {
        let mut record = json!({"event": {"created": {"order": {"payment_token": "tok_secret"}}}});
        remove_payment_tokens(&mut record);
        assert_eq!(record, json!({"event": {"created": {"order": {}}}}));
    }
}
