//! Reads orders and catalogues from files, or from the embedded sample of a real retailer.

use std::path::Path;

use anyhow::Result;
use millrace::catalog::{parse_rows, read_rows};
use serde::{Deserialize, Serialize};
use workers::inventory::stock::CatalogItem;

/// Embedded so that the demo needs no file. `sample/README.md` names the source.
const SAMPLE_ORDERS: &str = include_str!("sample/orders.jsonl");
/// The catalogue with every SKU of the sample orders.
const SAMPLE_CATALOG: &str = include_str!("sample/catalog.jsonl");

/// The token of a test card that pays at once.
pub const GOOD_CARD: &str = "tok_visa";

/// One order of a file. It is not validated here; the edge does that.
#[derive(Debug, Clone, Deserialize)]
pub struct OrderRow {
    /// The merchant's invoice number, used as reference and as idempotency key.
    pub invoice: String,
    customer_id: Option<String>,
    currency: String,
    lines: Vec<LineRow>,
    /// A token of the payment provider.
    #[serde(default)]
    payment: Option<PaymentRow>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct LineRow {
    sku: String,
    quantity: i64,
    unit_price: i64,
}

#[derive(Debug, Clone, Deserialize)]
struct PaymentRow {
    token: String,
}

/// The request body of `POST /v1/orders`.
#[derive(Serialize)]
struct RequestBody<'a> {
    customer_id: Option<&'a str>,
    currency: &'a str,
    lines: &'a [LineRow],
    payment: PaymentBody<'a>,
    reference: &'a str,
}

#[derive(Serialize)]
struct PaymentBody<'a> {
    token: &'a str,
}

impl OrderRow {
    /// The JSON request body. A row without a token is paid with [`GOOD_CARD`].
    pub fn body(&self) -> Vec<u8> {
        let Self { invoice, customer_id, currency, lines, payment } = self;
        let body = RequestBody {
            customer_id: customer_id.as_deref(),
            currency,
            lines,
            payment: PaymentBody { token: payment.as_ref().map_or(GOOD_CARD, |row| &row.token) },
            reference: invoice,
        };
        serde_json::to_vec(&body).expect("an order row always serialises to JSON")
    }

    /// Whether the row has a payment token.
    pub const fn has_token(&self) -> bool {
        self.payment.is_some()
    }

    /// The same order with another payment token.
    #[must_use]
    pub fn with_payment_token(self, token: &str) -> Self {
        Self { payment: Some(PaymentRow { token: token.to_owned() }), ..self }
    }
}

/// The orders in `file`, or the sample orders.
///
/// # Errors
/// The file cannot be read, or a row is not a valid order row.
pub fn orders(file: Option<&Path>) -> Result<Vec<OrderRow>> {
    file.map_or_else(|| parse_rows(SAMPLE_ORDERS), read_rows)
}

/// The catalogue in `file`, or the sample catalogue.
///
/// # Errors
/// The file cannot be read, or a row is not a valid catalogue row.
pub fn catalog(file: Option<&Path>) -> Result<Vec<CatalogItem>> {
    file.map_or_else(|| parse_rows(SAMPLE_CATALOG), millrace::catalog::load_catalog)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_has_a_thousand_orders_whose_skus_are_all_in_the_sample_catalogue() {
        let (orders, catalog) = (orders(None).unwrap(), catalog(None).unwrap());
        assert_eq!(orders.len(), 1_000);
        let catalog_skus: Vec<&str> = catalog.iter().map(|item| item.sku.as_str()).collect();
        let lines = orders.iter().flat_map(|order| &order.lines);
        assert!(lines.into_iter().all(|line| catalog_skus.contains(&line.sku.as_str())));
    }
}
