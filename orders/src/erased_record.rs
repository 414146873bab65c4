//! Records of `created` as they are kept in dead letters when what they say about a person is erased. No step processes
//! such a record.

use serde_json::{Map, Value, json};

use crate::{Event, OrderId};

/// Whether a member of a record with this name is erased, and shown by no command: what is about a person, or may be,
/// and what pays for an order.
pub fn is_private_member(name: &str) -> bool {
    matches!(name, "customer_id" | "shipping_address" | "contact" | "metadata" | "payment_token")
}

/// The name of the event in an erased record. No version has such an event: what is left of an order must not be
/// reserved, since it cannot be delivered.
const ERASED: &str = "created_erased";
/// How the names of a `created` begin, of all versions.
const CREATED: &str = "created";

/// Whether a record is the order of `customer`, as it was placed.
pub fn is_order_of(record: &str, customer: &str) -> bool {
    if is_erased(record) {
        return false;
    }
    let parsed = serde_json::from_str::<Value>(record).ok();
    if let Some(order) = parsed.as_ref().and_then(order_in) {
        return order["customer_id"] == customer;
    }
    // Also what cannot be parsed: a record that was cut off, or of another form.
    record.contains(&format!("\"customer_id\":{}", Value::from(customer)))
}

/// The order that a record has placed, if it is not erased.
pub fn placed_order(record: &str) -> Option<OrderId> {
    let record: Value = serde_json::from_str(record).ok()?;
    let is_created = created_in(&record).is_some_and(|(name, _)| name != ERASED);
    is_created.then(|| record["order_id"].as_str()?.parse().ok()).flatten()
}

/// Whether a record is erased.
pub fn is_erased(record: &str) -> bool {
    // What a buyer has sent has a backslash before each quotation mark.
    record.contains(&format!("{{\"{ERASED}\":"))
}

/// What is left of a record of a `created`: the digest, and what was ordered. Its payment token could only be used to
/// pay for it, so it is removed as well.
pub fn erased(record: &str) -> String {
    let parsed = serde_json::from_str::<Value>(record).ok();
    let left = parsed.as_ref().and_then(left_of);
    let left = left.unwrap_or_else(|| {
        let mut left = json!({"event": {ERASED: {}}});
        if let Some(id) = Event::order_id_of(record.as_bytes()) {
            // Not as the order of the record: no step has read that, and discarding it would cancel the order.
            left["about"] = json!(id);
        }
        left
    });
    left.to_string()
}

fn left_of(record: &Value) -> Option<Value> {
    let (_, created) = created_in(record)?;
    let order_id: OrderId = record["order_id"].as_str()?.parse().ok()?;
    let mut order = created["order"].as_object()?.clone();
    order.retain(|name, _| !is_private_member(name));
    let mut left = Map::from_iter([("order".to_owned(), Value::Object(order))]);
    for kept in ["digest", "caller"] {
        left.extend(created.get(kept).map(|value| (kept.to_owned(), value.clone())));
    }
    Some(json!({"order_id": order_id, "at_ms": record["at_ms"], "event": {ERASED: left}}))
}

fn order_in(record: &Value) -> Option<&Value> {
    created_in(record)?.1.get("order")
}

fn created_in(record: &Value) -> Option<(&str, &Value)> {
    let (name, body) = record.get("event")?.as_object()?.iter().next()?;
    name.starts_with(CREATED).then_some((name, body))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Created, EventError, PlaceOrder, SigningKeys, Timestamp};

    fn record(customer: &str) -> String {
        let body = json!({
            "customer_id": customer, "currency": "GBP", "reference": "r-1",
            "lines": [{"sku": "A", "quantity": 1, "unit_price": 5}],
            "payment": {"token": "tok_secret"},
            "shipping_address": {"name": "Secret", "line1": "Secret", "country": "GB"},
            "contact": {"email": "secret@example.com"}, "metadata": {"Secret": "Secret"},
        });
        let order = PlaceOrder::parse(body.to_string().as_bytes()).unwrap();
        let (id, at) = (OrderId::from_bytes([7; 16]), Timestamp::from_millis(1));
        let caller = SigningKeys::new("secret", []).caller_hash(&"ann".parse().unwrap());
        String::from_utf8(Created::line(id, at, &order, caller).0).unwrap()
    }

    #[test]
    fn an_erased_record_keeps_its_digest_and_what_was_ordered_and_is_no_event() {
        let record = record("c \"1\"");
        let left = erased(&record);
        for secret in ["ecret", "c \\\"1", "tok_", "contact"] {
            assert!(record.contains(secret) && !left.contains(secret), "{left}");
        }
        let (before, after): (Value, Value) =
            (serde_json::from_str(&record).unwrap(), serde_json::from_str(&left).unwrap());
        let (before, after) = (&before["event"]["created_v3"], &after["event"][ERASED]);
        assert_eq!((&after["digest"], &after["caller"]), (&before["digest"], &before["caller"]));
        let order = json!({"lines": before["order"]["lines"], "total": before["order"]["total"],
            "reference": "r-1"});
        assert_eq!(after["order"], order);
        assert!(matches!(Event::parse(left.as_bytes()), Err(EventError::Unsupported(_))));
        assert!(is_erased(&left) && !is_erased(&record));
        assert_eq!((placed_order(&record), placed_order(&left)), (Some(id()), None));
        assert_eq!(erased(&left).len(), left.len(), "erased twice it is the same");
    }

    fn id() -> OrderId {
        OrderId::from_bytes([7; 16])
    }

    #[test]
    fn a_record_is_known_by_its_customer_also_if_it_cannot_be_parsed() {
        let whole = record("c \"1\"");
        assert!(is_order_of(&whole, "c \"1\""));
        assert!(is_order_of(&whole.replace("\"customer_id\":", "\"customer_id\" : "), "c \"1\""));
        for other in ["c", "c \"1", "c \"1\" ", "r-1", "Secret", ""] {
            assert!(!is_order_of(&whole, other), "{other}");
        }
        assert!(!is_order_of(&erased(&whole), "c \"1\""));
        let of_another = whole.replace(r#"{"Secret":"Secret"}"#, r#"{"customer_id":"17850"}"#);
        assert!(of_another != whole && !is_order_of(&of_another, "17850"));
        let cut_off = &whole[..whole.len() - 20];
        assert!(is_order_of(cut_off, "c \"1\""));
        let left = erased(cut_off);
        assert_eq!(left, format!(r#"{{"about":"{}","event":{{"{ERASED}":{{}}}}}}"#, id()));
        assert_eq!(erased("\"customer_id\":\"x\""), format!(r#"{{"event":{{"{ERASED}":{{}}}}}}"#));
    }

    #[test]
    fn a_buyer_cannot_write_what_an_erased_record_is_known_by() {
        assert!(!is_erased(&record(&format!("{{\"{ERASED}\":"))));
    }
}
