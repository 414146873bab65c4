//! One line of an order.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::Sku;
use crate::limits::QUANTITY_MAX;

/// The quantity of a line: 1 to 1,000,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Quantity(u32);

/// A quantity of one SKU at a unit price. Several lines of an order may have the same SKU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderLine<T: AsRef<str> = String> {
    /// The SKU that is ordered.
    pub sku: Sku<T>,
    /// The number of units.
    pub quantity: Quantity,
    /// The price of one unit, in minor units of the order's currency: 0, for what the catalogue
    /// gives away, to 999,999,999,999.
    pub unit_price: i64,
}

impl OrderLine<Cow<'_, str>> {
    pub(crate) fn into_owned(self) -> OrderLine {
        let Self { sku, quantity, unit_price } = self;
        OrderLine { sku: sku.into_owned(), quantity, unit_price }
    }
}

impl Quantity {
    /// `count` as a quantity; `None` if it is out of range.
    pub fn new(count: i64) -> Option<Self> {
        u32::try_from(count).ok().filter(|count| (1..=QUANTITY_MAX).contains(count)).map(Self)
    }

    /// The quantity as an integer.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<i64> for Quantity {
    type Error = String;

    fn try_from(count: i64) -> Result<Self, Self::Error> {
        Self::new(count).ok_or_else(|| format!("a quantity must be from 1 to {QUANTITY_MAX}"))
    }
}

impl From<Quantity> for i64 {
    fn from(quantity: Quantity) -> Self {
        Self::from(quantity.0)
    }
}
