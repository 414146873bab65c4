//! The event of an order that an edge accepted.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use crate::limits::CREATED_HEAD_BYTES_MAX;
use crate::{BodyDigest, CallerHash, OrderId, PlaceOrder, Timestamp};

/// The content of [`EventBody::Created`](crate::EventBody::Created).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Created {
    /// The digest of the order, which distinguishes a repeat from a different order.
    pub digest: BodyDigest,
    /// The order as it was placed.
    pub order: PlaceOrder,
    /// Who placed it; `None` where callers are not authenticated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<CallerHash>,
}

/// The names, in a record, of a `created` whose order has details or costs nothing, and of the `reserved` of one that
/// costs nothing. The version before, which would lose the details and charge nothing, takes them for those of events
/// that it does not know, and leaves these to a worker that does.
const CREATED_WITH_DETAILS: &str = "created_v2";
pub(crate) const RESERVED_FOR_NOTHING: &str = "reserved_v2";
/// The same of a `created` that says who placed the order: the version before, which may know details, would write a
/// row that is missing among the orders of its caller.
const CREATED_BY_CALLER: &str = "created_v3";

const DIGEST_DIGITS: usize = 2 * size_of::<BodyDigest>();

/// The name, in a record, of a `created`; `None` if it is the one of every version.
pub(crate) fn newer_name<T: AsRef<str>>(
    order: &PlaceOrder<T>,
    caller: Option<CallerHash>,
) -> Option<&'static str> {
    match caller {
        Some(_) => Some(CREATED_BY_CALLER),
        None => order.needs_details().then_some(CREATED_WITH_DETAILS),
    }
}

impl Created {
    /// The `created` event of `order`, in the same bytes as [`Event::write_line`](crate::Event::write_line),
    /// and the order's digest. An edge needs both for each order, so that the order is serialised only once:
    /// into its place, and the digest into the place that was left for it.
    pub fn line<T: AsRef<str> + Serialize>(
        order_id: OrderId,
        at: Timestamp,
        order: &PlaceOrder<T>,
        caller: Option<CallerHash>,
    ) -> (Vec<u8>, BodyDigest) {
        let room = CREATED_HEAD_BYTES_MAX + order.canonical_json_bytes();
        let (mut head, at) = (String::with_capacity(room), at.as_millis());
        let name = newer_name(order, caller).unwrap_or("created");
        write!(head, r#"{{"order_id":"{order_id}","at_ms":{at},"event":{{"{name}":{{"digest":""#)
            .expect("a string takes every character");
        let mut line = head.into_bytes();
        let digest_at = line.len();
        line.extend_from_slice(&[0; DIGEST_DIGITS]);
        line.extend_from_slice(br#"","order":"#);
        let order_at = line.len();
        order.write_canonical_json(&mut line);
        let digest = BodyDigest::of_canonical(&line[order_at..]);
        line[digest_at..][..DIGEST_DIGITS].copy_from_slice(digest.digits().as_flattened());
        if let Some(caller) = caller {
            line.extend_from_slice(br#","caller":""#);
            line.extend_from_slice(caller.digits().as_flattened());
            line.push(b'"');
        }
        line.extend_from_slice(b"}}}\n");
        (line, digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Event, EventBody, SigningKeys};

    #[test]
    fn created_line_and_write_line_produce_the_same_bytes() {
        let plain = r#"{"currency":"GBP","reference":"\"\u00e9\\","payment":{"token":"t","on_decline":"new_payment_method"},
            "lines":[{"sku":"A B","quantity":1,"unit_price":2}]}"#;
        let detailed = plain.replacen('{', r#"{"metadata":{"b":"2","a":"1"},"#, 1);
        let keys = SigningKeys::new("secret", []);
        let ann = keys.caller_hash(&"ann".parse().unwrap());
        for (body, caller, name) in [
            (plain, None, r#""created":{"#),
            (&detailed, None, r#""created_v2":{"#),
            (plain, ann, r#""created_v3":{"#),
            (&detailed, ann, r#""created_v3":{"#),
        ] {
            let order = PlaceOrder::parse(body.as_bytes()).unwrap();
            let order_id = OrderId::from_bytes([0xab; 16]);
            let at = Timestamp::from_millis(-5);
            let (line, digest) = Created::line(order_id, at, &order, caller);
            let mut expected = Vec::new();
            assert_eq!(digest, BodyDigest::of(&order));
            let body = EventBody::Created(Box::new(Created { digest, order, caller }));
            let event = Event { order_id, at, body, traceparent: None };
            event.write_line(&mut expected);
            assert_eq!(Event::parse(&line).as_ref(), Ok(&event));
            let line = String::from_utf8(line).unwrap();
            assert!(line.contains(name), "{line}");
            assert_eq!(line, String::from_utf8(expected).unwrap());
        }
    }
}
