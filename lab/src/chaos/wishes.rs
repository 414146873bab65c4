//! What buyers order in a chaos run, drawn from the seed and the buyer's number.

use std::time::Duration;

use bytes::Bytes;
use orders::{Currency, Sku};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use workers::inventory::stock::CatalogItem;

/// SKUs that never run out, and SKUs that soon do.
const PLENTIFUL: u32 = 40;
const SCARCE: u32 = 4;
const SKUS: u32 = PLENTIFUL + SCARCE + UNSHIPPABLE_SKUS;
const PLENTY: i64 = 1_000_000;
const FEW: i64 = 60;
/// What one of anything costs, in pence.
const PRICE: i64 = 250;

/// Buyers in a thousand who pay with such a card; all others pay without any ado.
const CARDS: [(u32, &str); 5] = [
    (40, "tok_chargeDeclined"),
    (20, "tok_insufficientFunds"),
    (20, "tok_flaky_2"),
    (5, "tok_hang"),
    (5, "tok_nobody_knows"),
];
/// Buyers in a thousand who post again under the same key: the same body, or another one.
const AGAIN: u32 = 50;
const OTHERWISE: u32 = 30;
/// Buyers in a thousand who cancel, and how long they think about it: an order is shipped after a
/// fraction of a second, or waits for something that is away.
const CANCEL: u32 = 80;
const THINKS_MAX: u32 = 1_500;
/// How many SKUs cannot be shipped.
const UNSHIPPABLE_SKUS: u32 = 2;
/// What their names begin with.
pub(super) const UNSHIPPABLE: &str = "CHAOS-STUCK-";

/// What one buyer wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wish {
    /// The order.
    pub(super) body: Bytes,
    /// What the buyer does after the first answer.
    pub(super) then: Then,
}

/// What a buyer does after the first answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Then {
    /// Nothing more.
    Waits,
    /// Posts the same again.
    Repeats,
    /// Posts another order under the same key.
    Differs(Bytes),
    /// Cancels after a while.
    Cancels(Duration),
}

/// The catalogue of the run.
pub fn catalog() -> Vec<CatalogItem> {
    let item = |number| CatalogItem {
        sku: sku(number).parse::<Sku>().expect("a word with a number is an SKU"),
        name: "goods of a chaos run".to_owned(),
        currency: "GBP".parse::<Currency>().expect("the pound is a currency"),
        unit_price: PRICE,
        other_prices: Vec::new(),
        on_hand: if (PLENTIFUL..PLENTIFUL + SCARCE).contains(&number) { FEW } else { PLENTY },
    };
    (0..SKUS).map(item).collect()
}

/// What the buyer with this number wants.
pub(super) fn wish(seed: u64, number: u64) -> Wish {
    let mut random = StdRng::seed_from_u64(seed.wrapping_add(number));
    let body = body(&lines(&mut random), card(&mut random));
    let then = match random.random_range(0..1_000) {
        draw if draw < AGAIN => Then::Repeats,
        draw if draw < AGAIN + OTHERWISE => Then::Differs(plain(&mut random)),
        draw if draw < AGAIN + OTHERWISE + CANCEL => {
            Then::Cancels(Duration::from_millis(random.random_range(0..THINKS_MAX).into()))
        }
        _ => Then::Waits,
    };
    Wish { body, then }
}

/// An order that nothing stands in the way of.
pub(super) fn plain(random: &mut StdRng) -> Bytes {
    body(&[line(random.random_range(0..PLENTIFUL), 1)], None)
}

fn lines(random: &mut StdRng) -> Vec<Value> {
    let count = random.random_range(1..=4);
    let draw = |_| line(random.random_range(0..SKUS), random.random_range(1..=3));
    (0..count).map(draw).collect()
}

fn line(number: u32, quantity: u32) -> Value {
    json!({"sku": sku(number), "quantity": quantity, "unit_price": PRICE})
}

fn card(random: &mut StdRng) -> Option<&'static str> {
    let mut draw = random.random_range(0..1_000);
    for (share, token) in CARDS {
        if draw < share {
            return Some(token);
        }
        draw -= share;
    }
    None
}

fn body(lines: &[Value], token: Option<&str>) -> Bytes {
    let mut body = json!({"currency": "GBP", "lines": lines});
    if let Some(token) = token {
        body["payment"] = json!({"token": token});
    }
    body.to_string().into()
}

fn sku(number: u32) -> String {
    let begin = if number < PLENTIFUL + SCARCE { "CHAOS-" } else { UNSHIPPABLE };
    format!("{begin}{number}")
}

#[cfg(test)]
mod tests {
    use orders::PlaceOrder;

    use super::*;

    #[test]
    fn the_same_seed_is_the_same_wishes_and_every_wish_is_an_order() {
        for number in 0..1_000 {
            let wish = wish(3, number);
            assert_eq!(wish, super::wish(3, number));
            PlaceOrder::parse(&wish.body).unwrap();
            if let Then::Differs(body) = wish.then {
                PlaceOrder::parse(&body).unwrap();
            }
        }
    }
}
