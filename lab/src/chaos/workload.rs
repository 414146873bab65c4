//! What each buyer of a chaos run orders and does, drawn from the seed and the buyer's number.

use std::time::Duration;

use bytes::Bytes;
use orders::{Currency, Sku};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use workers::inventory::stock::CatalogItem;

use crate::input::GOOD_CARD;

/// The number of SKUs that never sell out, and of SKUs that soon do.
const AMPLE_SKUS: u32 = 40;
const SCARCE_SKUS: u32 = 4;
const SKUS: u32 = AMPLE_SKUS + SCARCE_SKUS + UNSHIPPABLE_SKUS;
const AMPLE_STOCK: i64 = 1_000_000;
const SCARCE_STOCK: i64 = 60;
/// The unit price of every SKU, in pence.
const PRICE: i64 = 250;

/// Test cards, with the buyers per thousand who use each; all others pay without problems.
const CARDS_PER_MILLE: [(u32, &str); 9] = [
    (40, "tok_chargeDeclined"),
    (20, "tok_insufficientFunds"),
    (20, "tok_flaky_2"),
    (5, "tok_hang"),
    (5, "tok_unknown"),
    (20, "tok_once_"),
    (10, "tok_once_lost_"),
    (10, "tok_once_failed_"),
    (30, AUTHENTICATED_CARD),
];
/// The prefix of tokens that can be used once, as those of real cards; a name makes each unique.
const SINGLE_USE: &str = "tok_once_";
/// A card whose bank asks the buyer. Some approve after the longest wait for a payment, when the order
/// is cancelled or about to be.
const AUTHENTICATED_CARD: &str = "tok_threeDSecureRequired";
const AUTHENTICATION_TIME_MAX_MS: u32 = 12_000;
/// Of these buyers one in this many denies the payment, and pays with another card.
const DENIED_ONE_IN: u32 = 4;
/// Buyers per thousand who repeat their request with the same body, or with another body and then
/// with the first one again.
const REPEAT_PER_MILLE: u32 = 50;
const CONFLICT_PER_MILLE: u32 = 30;
/// Buyers per thousand who cancel, and the longest time after which they do: an order is shipped
/// after a fraction of a second, or waits for an unavailable dependency.
const CANCEL_PER_MILLE: u32 = 80;
const THINK_TIME_MAX_MS: u32 = 1_500;
/// The number of SKUs that cannot be shipped.
const UNSHIPPABLE_SKUS: u32 = 2;
/// The prefix of SKUs that cannot be shipped.
pub(super) const UNSHIPPABLE: &str = "CHAOS-STUCK-";

/// What one buyer does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BuyerScript {
    /// The body of the order.
    pub(super) body: Bytes,
    /// What the buyer does after the 202.
    pub(super) follow_up: FollowUp,
    /// How the buyer authenticates the payment, if the card needs that.
    pub(super) authentication: Option<Authentication>,
}

/// How a buyer responds when the bank asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Authentication {
    /// How long the buyer thinks.
    pub(super) think_time: Duration,
    /// Whether the buyer approves the payment.
    pub(super) approves: bool,
}

/// What a buyer does after the 202.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FollowUp {
    /// Nothing.
    None,
    /// Repeats the request with the same key and body.
    Repeat,
    /// Repeats the request with the same key and this other body, and then with the first one.
    Conflict(Bytes),
    /// Cancels the order after this time.
    Cancel(Duration),
}

/// The catalogue for a chaos run.
pub fn catalog() -> Vec<CatalogItem> {
    let item = |number| CatalogItem {
        sku: sku(number).parse::<Sku>().expect("a prefix with a number is a valid SKU"),
        name: "item of a chaos run".to_owned(),
        currency: "GBP".parse::<Currency>().expect("GBP is a valid currency"),
        unit_price: PRICE,
        other_prices: Vec::new(),
        on_hand: if (AMPLE_SKUS..AMPLE_SKUS + SCARCE_SKUS).contains(&number) {
            SCARCE_STOCK
        } else {
            AMPLE_STOCK
        },
    };
    (0..SKUS).map(item).collect()
}

/// The script of the buyer with this number. Without `authenticates` no card needs the buyer.
pub(super) fn script_for(seed: u64, number: u64, authenticates: bool) -> BuyerScript {
    let mut random = StdRng::seed_from_u64(seed.wrapping_add(number));
    let lines = lines(&mut random);
    let token = match card(&mut random) {
        AUTHENTICATED_CARD if !authenticates => GOOD_CARD.to_owned(),
        token if token.starts_with(SINGLE_USE) => format!("{token}{number}"),
        token => token.to_owned(),
    };
    let body = body(&lines, &token);
    let follow_up = match random.random_range(0..1_000) {
        draw if draw < REPEAT_PER_MILLE => FollowUp::Repeat,
        draw if draw < REPEAT_PER_MILLE + CONFLICT_PER_MILLE => {
            FollowUp::Conflict(simple_order(&mut random))
        }
        draw if draw < REPEAT_PER_MILLE + CONFLICT_PER_MILLE + CANCEL_PER_MILLE => {
            let think_time_ms = random.random_range(0..THINK_TIME_MAX_MS);
            FollowUp::Cancel(Duration::from_millis(think_time_ms.into()))
        }
        _ => FollowUp::None,
    };
    let authentication = (token == AUTHENTICATED_CARD).then(|| {
        let think_time_ms = random.random_range(0..AUTHENTICATION_TIME_MAX_MS);
        Authentication {
            think_time: Duration::from_millis(think_time_ms.into()),
            approves: random.random_range(0..DENIED_ONE_IN) > 0,
        }
    });
    BuyerScript { body, follow_up, authentication }
}

/// An order that is in stock, can be paid and can be shipped.
pub(super) fn simple_order(random: &mut StdRng) -> Bytes {
    body(&[line(random.random_range(0..AMPLE_SKUS), 1)], GOOD_CARD)
}

fn lines(random: &mut StdRng) -> Vec<Value> {
    let count = random.random_range(1..=4);
    let draw = |_| line(random.random_range(0..SKUS), random.random_range(1..=3));
    (0..count).map(draw).collect()
}

fn line(number: u32, quantity: u32) -> Value {
    json!({"sku": sku(number), "quantity": quantity, "unit_price": PRICE})
}

fn card(random: &mut StdRng) -> &'static str {
    let mut draw = random.random_range(0..1_000);
    for (per_mille, token) in CARDS_PER_MILLE {
        if draw < per_mille {
            return token;
        }
        draw -= per_mille;
    }
    GOOD_CARD
}

fn body(lines: &[Value], token: &str) -> Bytes {
    json!({"currency": "GBP", "lines": lines, "payment": {"token": token}}).to_string().into()
}

fn sku(number: u32) -> String {
    let prefix = if number < AMPLE_SKUS + SCARCE_SKUS { "CHAOS-" } else { UNSHIPPABLE };
    format!("{prefix}{number}")
}

#[cfg(test)]
mod tests {
    use orders::PlaceOrder;

    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_scripts_and_every_body_is_a_valid_order() {
        for number in 0..1_000 {
            let script = script_for(3, number, true);
            assert_eq!(script, script_for(3, number, true));
            assert_eq!(script_for(3, number, false).authentication, None);
            PlaceOrder::parse(&script.body).unwrap();
            if let FollowUp::Conflict(body) = script.follow_up {
                PlaceOrder::parse(&body).unwrap();
            }
        }
    }
}
