//! One line of an order.

use serde::{Deserialize, Serialize};

use crate::Sku;

const QUANTITY_MAX: u32 = 1_000_000;

/// How many: 1 to 1,000,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Quantity(u32);

/// So many of one SKU at a price. The same SKU may stand on several lines of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderLine {
    /// What is bought.
    pub sku: Sku,
    /// How many of it.
    pub quantity: Quantity,
    /// The price of one, in minor units of the order's currency: 1 to 999,999,999,999.
    pub unit_price: i64,
}

impl Quantity {
    /// The quantity `count`, where it is one.
    pub fn new(count: i64) -> Option<Self> {
        u32::try_from(count).ok().filter(|count| (1..=QUANTITY_MAX).contains(count)).map(Self)
    }

    /// The count.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<i64> for Quantity {
    type Error = String;

    fn try_from(count: i64) -> Result<Self, Self::Error> {
        Self::new(count).ok_or_else(|| format!("a quantity is from 1 to {QUANTITY_MAX}"))
    }
}

impl From<Quantity> for i64 {
    fn from(quantity: Quantity) -> Self {
        Self::from(quantity.0)
    }
}
