//! What an order says, as a response shows it.

use orders::{Adjustment, Contact, Currency, Metadata, OrderContents, OrderLine, ShippingAddress};
use serde::Serialize;

/// What an order says: the members of its body, without its payment.
#[derive(Serialize)]
pub(super) struct OrderResponse<'a> {
    currency: Currency,
    /// The decimals of its minor units.
    #[serde(skip_serializing_if = "Option::is_none")]
    exponent: Option<u8>,
    /// In minor units.
    total: i64,
    lines: &'a [OrderLine],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    adjustments: &'a [Adjustment],
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a Metadata>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shipping_address: Option<&'a ShippingAddress>,
    #[serde(skip_serializing_if = "Option::is_none")]
    contact: Option<&'a Contact>,
    /// What it said about a person is erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    erased: Option<bool>,
}

impl<'a> OrderResponse<'a> {
    /// What `order` says; about a person only to its own caller.
    pub(super) fn of(order: &'a OrderContents, is_own: bool) -> Self {
        Self {
            currency: order.total.currency,
            exponent: order.total.currency.exponent(),
            total: order.total.amount,
            lines: &order.lines,
            adjustments: &order.adjustments,
            reference: order.reference.as_deref(),
            metadata: Some(&order.metadata).filter(|metadata| is_own && !metadata.is_empty()),
            customer_id: order.customer_id.as_deref().filter(|_| is_own),
            shipping_address: order.shipping_address.as_ref().filter(|_| is_own),
            contact: order.contact.as_ref().filter(|_| is_own),
            erased: order.erased.then_some(true),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn shown(is_own: bool) -> Value {
        let order: OrderContents = serde_json::from_value(json!({
            "total": {"amount": 5, "currency": "GBP"},
            "lines": [{"sku": "A", "quantity": 1, "unit_price": 5}],
            "customer_id": "c", "reference": "r", "metadata": {"k": "v"},
            "shipping_address": {"name": "Ann", "line1": "1", "country": "GB"},
            "contact": {"phone": "+441132960000"},
        }))
        .unwrap();
        serde_json::to_value(OrderResponse::of(&order, is_own)).unwrap()
    }

    #[test]
    fn only_the_own_caller_sees_what_an_order_says_about_a_person() {
        let seen_by_all = json!({"currency": "GBP", "exponent": 2, "total": 5, "reference": "r",
            "lines": [{"sku": "A", "quantity": 1, "unit_price": 5}]});
        assert_eq!(shown(false), seen_by_all);
        let whole = shown(true);
        assert_eq!(whole["metadata"], json!({"k": "v"}));
        assert_eq!(whole["shipping_address"]["name"], "Ann");
        assert_eq!(
            (&whole["customer_id"], &whole["contact"]["phone"]),
            (&json!("c"), &json!("+441132960000"))
        );
    }
}
