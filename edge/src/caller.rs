//! Who makes a request, and what they may do: the one place that decides it.
//!
//! Callers are not authenticated yet. So each request is that of the trusted caller, who may do everything, and the
//! signed id of an order is what gives access to it.

use orders::BorrowedOrder;

use crate::problem::Problem;

/// Who makes a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The name under which orders are placed; a part of their ids.
    pub(crate) name: &'static str,
    /// Whether they set what is added to the prices of the catalogue, and what is taken off.
    pub(crate) may_set_prices: bool,
    /// Whether they see what an order says about a person.
    pub(crate) may_see_personal_data: bool,
}

impl Caller {
    /// The caller of every request, until callers are authenticated.
    pub(crate) const TRUSTED: Self =
        Self { name: "public", may_set_prices: true, may_see_personal_data: true };

    /// Refuses an order that says more than this caller may say.
    pub(crate) fn check(&self, order: &BorrowedOrder<'_>) -> Result<(), Problem> {
        if order.adjustments.is_empty() || self.may_set_prices {
            Ok(())
        } else {
            Err(Problem::ScopeMissing { scope: "orders:price" })
        }
    }
}

#[cfg(test)]
mod tests {
    use hyper::StatusCode;
    use orders::PlaceOrder;

    use super::*;

    #[test]
    fn only_who_may_set_prices_sends_adjustments() {
        let adjusted = br#"{"currency":"GBP","lines":[{"sku":"A","quantity":1,"unit_price":5}],
            "payment":{"token":"t"},"adjustments":[{"type":"discount","label":"D","amount":-4}]}"#;
        let adjusted = PlaceOrder::parse_borrowed(adjusted).unwrap();
        let plain = BorrowedOrder { adjustments: Vec::new(), ..adjusted.clone() };
        let buyer = Caller { may_set_prices: false, ..Caller::TRUSTED };
        assert!(buyer.check(&plain).is_ok());
        assert!(Caller::TRUSTED.check(&adjusted).is_ok());
        assert_eq!(buyer.check(&adjusted).unwrap_err().status(), StatusCode::FORBIDDEN);
    }
}
