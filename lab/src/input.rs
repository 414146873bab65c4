//! Orders and catalogues: from files, or a sample of a real retailer's.

use std::path::Path;

use anyhow::Result;
use millrace::catalog::{parse_rows, rows};
use serde::{Deserialize, Serialize};
use workers::inventory::stock::CatalogItem;

/// Real orders, so that the demo needs no file; `sample/README.md` says where they are from.
const SAMPLE_ORDERS: &str = include_str!("sample/orders.jsonl");
/// The catalogue that the sample's orders need.
const SAMPLE_CATALOG: &str = include_str!("sample/catalog.jsonl");

/// An order as a file has it. Whether it can be taken is the edge's word.
#[derive(Debug, Clone, Deserialize)]
pub struct OrderRow {
    /// The shop's name for it: its reference, and its idempotency key.
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

#[derive(Debug, Clone, Serialize, Deserialize)]
struct PaymentRow {
    token: String,
}

/// An order as it is posted.
#[derive(Serialize)]
struct Body<'a> {
    customer_id: Option<&'a str>,
    currency: &'a str,
    lines: &'a [LineRow],
    payment: Option<&'a PaymentRow>,
    reference: &'a str,
}

impl OrderRow {
    /// The JSON to post.
    pub fn body(&self) -> Vec<u8> {
        let Self { invoice, customer_id, currency, lines, payment } = self;
        let body = Body {
            customer_id: customer_id.as_deref(),
            currency,
            lines,
            payment: payment.as_ref(),
            reference: invoice,
        };
        serde_json::to_vec(&body).expect("a row has text keys and whole numbers")
    }

    /// Whether the row says what to pay with.
    pub const fn has_token(&self) -> bool {
        self.payment.is_some()
    }

    /// The same order, paid with another token.
    #[must_use]
    pub fn paid_with(self, token: &str) -> Self {
        Self { payment: Some(PaymentRow { token: token.to_owned() }), ..self }
    }
}

/// The orders of a file, or the sample's.
pub fn orders(file: Option<&Path>) -> Result<Vec<OrderRow>> {
    file.map_or_else(|| parse_rows(SAMPLE_ORDERS), rows)
}

/// The catalogue of a file, or the sample's.
pub fn catalog(file: Option<&Path>) -> Result<Vec<CatalogItem>> {
    file.map_or_else(|| parse_rows(SAMPLE_CATALOG), millrace::catalog::catalog)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_is_a_thousand_orders_and_a_catalogue_that_has_their_skus() {
        let (orders, catalog) = (orders(None).unwrap(), catalog(None).unwrap());
        assert_eq!(orders.len(), 1_000);
        let known: Vec<&str> = catalog.iter().map(|item| item.sku.as_str()).collect();
        let lines = orders.iter().flat_map(|order| &order.lines);
        assert!(lines.into_iter().all(|line| known.contains(&line.sku.as_str())));
    }
}
