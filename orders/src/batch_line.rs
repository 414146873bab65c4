//! One line of a batch of orders: an order, and the key under which it is placed.

use crate::body::parse_body;
use crate::field_error::FieldErrors;
use crate::json::Json;
use crate::members::{ObjectOf, members, members_of, missing, present, required};
use crate::order_body::{OrderMembers, order_of};
use crate::{BorrowedOrder, IdempotencyKey, InvalidOrder};

/// One line of a batch of orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchLine<'a> {
    /// The key that a single order has in its header.
    pub key: IdempotencyKey,
    /// The order.
    pub order: BorrowedOrder<'a>,
}

members! {
    struct LineMembers<'a> {
        idempotency_key: Json<'a>,
        order: ObjectOf<'a, OrderMembers<'a>>,
    }
}

impl<'a> BatchLine<'a> {
    /// Parses a line, and reports all field errors at once; their pointers begin at the line:
    ///
    /// ```json
    /// {"idempotency_key": "…", "order": {…}}
    /// ```
    ///
    /// # Errors
    /// See [`InvalidOrder`].
    pub fn parse(line: &'a [u8]) -> Result<Self, InvalidOrder> {
        parse_body(line, line_of)
    }
}

fn line_of<'a>(
    line: ObjectOf<'a, LineMembers<'a>>,
    errors: &mut FieldErrors,
) -> Option<BatchLine<'a>> {
    let LineMembers { idempotency_key, order } = members_of(line, errors)?;
    let key = required(idempotency_key, "/idempotency_key", errors, |key| {
        key.text()?.parse().map_err(|err| format!("{err}, got {key}"))
    });
    let order = errors.collect("/order", present(order).ok_or_else(missing));
    let order = order.and_then(|order| errors.below("/order", |errors| order_of(order, errors)));
    Some(BatchLine { key: key?, order: order? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PlaceOrder;

    const ORDER: &str = r#"{"currency":"EUR","lines":[{"sku":"A","quantity":1,"unit_price":5}],"payment":{"token":"tok_1"}}"#;

    fn pointers(line: &str) -> Vec<String> {
        let Err(InvalidOrder::FieldErrors(errors)) = BatchLine::parse(line.as_bytes()) else {
            panic!("{line} has no field errors");
        };
        errors.into_iter().map(|error| error.pointer).collect()
    }

    #[test]
    fn a_line_has_a_key_and_an_order() {
        let line = format!(r#"{{"idempotency_key":"cart-1","order":{ORDER}}}"#);
        let BatchLine { key, order } = BatchLine::parse(line.as_bytes()).unwrap();
        assert_eq!(key.as_str(), "cart-1");
        assert_eq!(order, PlaceOrder::parse_borrowed(ORDER.as_bytes()).unwrap());
    }

    #[test]
    fn every_error_of_a_line_is_reported_with_its_place_in_the_line() {
        let order = ORDER.replace("\"quantity\":1", "\"quantity\":0");
        let line = format!(r#"{{"idempotency_key":"two words","order":{order},"note":1}}"#);
        assert_eq!(pointers(&line), ["/note", "/idempotency_key", "/order/lines/0/quantity"]);
        assert_eq!(pointers("{}"), ["/idempotency_key", "/order"]);
        assert_eq!(pointers(r#"{"idempotency_key":"k","order":7}"#), ["/order"]);
        assert_eq!(pointers("[]"), [""]);
        assert!(matches!(BatchLine::parse(b"{"), Err(InvalidOrder::NotJson(_))));
    }
}
