//! The content of an order, as an event or a row has it, small enough to keep for every order.

use std::hash::{DefaultHasher, Hash, Hasher};

use orders::{Adjustment, BodyDigest, Money, OrderLine};

/// What was placed. The digest is the stored one, never computed from the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) digest: BodyDigest,
    pub(super) total: Money,
    /// A hash of the lines and of the adjustments, in their sequence.
    pub(super) lines: u64,
    /// What they add up to; `None` if that is more than any amount.
    pub(super) sum: Option<Money>,
}

impl Content {
    pub(super) fn new(
        digest: BodyDigest,
        total: Money,
        lines: &[OrderLine],
        adjustments: &[Adjustment],
    ) -> Self {
        let mut hasher = DefaultHasher::new();
        for OrderLine { sku, quantity, unit_price } in lines {
            (sku, quantity.get(), unit_price).hash(&mut hasher);
        }
        for Adjustment { kind, label, amount } in adjustments {
            (kind, label, amount).hash(&mut hasher);
        }
        let sum = Money::total(lines, adjustments, total.currency).ok();
        Self { digest, total, lines: hasher.finish(), sum }
    }
}
