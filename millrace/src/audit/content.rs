//! The content of an order, as an event or a row has it, small enough to keep for every order.

use std::hash::{DefaultHasher, Hash, Hasher};

use orders::{BodyDigest, Money, OrderLine};

/// What was placed. The digest is the stored one, never computed from the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) digest: BodyDigest,
    pub(super) total: Money,
    /// A hash of the lines, in their sequence.
    pub(super) lines: u64,
    /// What the lines add up to; `None` if that is more than any amount.
    pub(super) sum: Option<Money>,
}

impl Content {
    pub(super) fn new(digest: BodyDigest, total: Money, lines: &[OrderLine]) -> Self {
        let mut hasher = DefaultHasher::new();
        for OrderLine { sku, quantity, unit_price } in lines {
            (sku, quantity.get(), unit_price).hash(&mut hasher);
        }
        let sum = Money::total(lines, total.currency).ok();
        Self { digest, total, lines: hasher.finish(), sum }
    }
}
