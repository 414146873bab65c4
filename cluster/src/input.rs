//! Orders and catalogues from files: one JSON object a line. A row that cannot be read is named by
//! its line, before anything is started.

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::de::DeserializeOwned;
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
    rows(file, SAMPLE_ORDERS)
}

/// The catalogue of a file, or the sample's.
pub fn catalog(file: Option<&Path>) -> Result<Vec<CatalogItem>> {
    let items: Vec<CatalogItem> = rows(file, SAMPLE_CATALOG)?;
    for (index, item) in items.iter().enumerate() {
        if item.unit_price < 1 || item.on_hand < 0 {
            bail!(
                "line {}: SKU {}: a price is at least 1 and on_hand at least 0",
                index + 1,
                item.sku
            );
        }
    }
    Ok(items)
}

fn rows<Row: DeserializeOwned>(file: Option<&Path>, sample: &str) -> Result<Vec<Row>> {
    let Some(file) = file else { return parse(sample) };
    let text = std::fs::read_to_string(file);
    let text = text.with_context(|| format!("cannot read {}", file.display()))?;
    parse(&text).with_context(|| format!("cannot use {}", file.display()))
}

fn parse<Row: DeserializeOwned>(text: &str) -> Result<Vec<Row>> {
    let row =
        |(index, line)| serde_json::from_str(line).with_context(|| format!("line {}", index + 1));
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.map(row).collect()
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

    #[test]
    fn a_row_that_cannot_be_read_is_named_by_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("orders.jsonl");
        let good = SAMPLE_ORDERS.lines().next().unwrap();
        std::fs::write(&file, format!("{good}\n\n{{\"invoice\":\"1\"}}\n")).unwrap();
        let error = format!("{:#}", super::orders(Some(&file)).unwrap_err());
        assert!(error.contains("line 3") && error.contains("orders.jsonl"), "{error}");
    }

    #[test]
    fn a_catalogue_with_an_impossible_row_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("catalog.jsonl");
        let row = r#"{"sku":"A","name":"a","currency":"GBP","unit_price":1,"on_hand":-1}"#;
        std::fs::write(&file, row).unwrap();
        let error = format!("{:#}", super::catalog(Some(&file)).unwrap_err());
        assert!(error.contains("line 1"), "{error}");
    }
}
