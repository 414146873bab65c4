//! What the shop sells, and the baskets that buyers fill.

use lab::input::OrderRow;
use serde_json::{Value, json};
use workers::inventory::stock::CatalogItem;

/// What one of anything costs, in pence.
pub(crate) const PRICE: i64 = 250;

/// A SKU for a catalogue, `on_hand` of it.
pub(crate) fn item(sku: &str, on_hand: i64) -> CatalogItem {
    CatalogItem {
        sku: sku.parse().unwrap(),
        name: format!("goods called {sku}"),
        currency: "GBP".parse().unwrap(),
        unit_price: PRICE,
        other_prices: Vec::new(),
        on_hand,
    }
}

/// An order's body: so many of each SKU, at the catalogue's price.
pub(crate) fn basket(lines: &[(&str, u32)]) -> Value {
    let line = |(sku, quantity): &(&str, u32)| json!({"sku": sku, "quantity": quantity, "unit_price": PRICE});
    json!({"currency": "GBP", "lines": lines.iter().map(line).collect::<Vec<_>>()})
}

/// The same order, paid with `token`.
pub(crate) fn paid_with(mut basket: Value, token: &str) -> Value {
    basket["payment"] = json!({"token": token});
    basket
}

/// The same order as a row of a file of orders, with `key` as its idempotency key.
pub(crate) fn row(key: &str, mut basket: Value) -> OrderRow {
    basket["invoice"] = key.into();
    serde_json::from_value(basket).unwrap()
}

/// As many rows as asked for, each for the basket that `fill` makes of its number.
pub(crate) fn rows(key: &str, count: usize, fill: impl Fn(usize) -> Value) -> Vec<OrderRow> {
    (0..count).map(|number| row(&format!("{key}-{number}"), fill(number))).collect()
}
