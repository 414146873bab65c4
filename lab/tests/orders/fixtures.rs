//! Catalogue items and order bodies.

use lab::input::{GOOD_CARD, OrderRow};
use serde_json::{Value, json};
use workers::inventory::stock::CatalogItem;

/// The unit price of every item, in pence.
pub(crate) const PRICE: i64 = 250;

/// A catalogue item with `on_hand` units in stock.
pub(crate) fn item(sku: &str, on_hand: i64) -> CatalogItem {
    CatalogItem {
        sku: sku.parse().unwrap(),
        name: format!("product {sku}"),
        currency: "GBP".parse().unwrap(),
        unit_price: PRICE,
        other_prices: Vec::new(),
        on_hand,
    }
}

/// An order's body: each SKU with its quantity, at the catalogue's price, paid with a good card.
pub(crate) fn basket(lines: &[(&str, u32)]) -> Value {
    let lines = lines
        .iter()
        .map(|(sku, quantity)| json!({"sku": sku, "quantity": quantity, "unit_price": PRICE}));
    let payment = json!({"token": GOOD_CARD});
    json!({"currency": "GBP", "lines": lines.collect::<Vec<_>>(), "payment": payment})
}

/// The same order, paid with `token`.
pub(crate) fn with_payment_token(mut basket: Value, token: &str) -> Value {
    basket["payment"] = json!({"token": token});
    basket
}

/// The same order, which waits for another card if `token` is declined.
pub(crate) fn with_another_card(basket: Value, token: &str) -> Value {
    let mut basket = with_payment_token(basket, token);
    basket["payment"]["on_decline"] = json!("new_payment_method");
    basket
}

/// The same order as a row of a file of orders, with `key` as its idempotency key.
pub(crate) fn row(key: &str, mut basket: Value) -> OrderRow {
    basket["invoice"] = key.into();
    serde_json::from_value(basket).unwrap()
}

/// `count` rows, each with the basket that `fill` makes of its number.
pub(crate) fn rows(key: &str, count: usize, fill: impl Fn(usize) -> Value) -> Vec<OrderRow> {
    (0..count).map(|number| row(&format!("{key}-{number}"), fill(number))).collect()
}
