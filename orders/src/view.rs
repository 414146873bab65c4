//! What a buyer is shown of an order and of stock: the answers to `status.get` and `stock.get`.
//!
//! A question is a JSON array of ids (or SKUs); its answer an array of the same length and order,
//! with `null` for what the database does not know.

use serde::{Deserialize, Serialize};

use crate::{CancelReason, Money, Rejection, Sku, Status, Timestamp};

/// Where an order stands and how it came there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderView {
    /// Where it stands.
    pub status: Status,
    /// Why it did not go through, where it did not.
    pub reason: Option<Reason>,
    /// The statuses that it reached, the first one first.
    pub history: Vec<StatusChange>,
}

/// A status, and when an order reached it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusChange {
    /// The status.
    pub status: Status,
    /// When.
    #[serde(rename = "at_ms")]
    pub at: Timestamp,
}

/// Why an order did not go through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Reason {
    /// Inventory rejected it.
    Rejected(Rejection),
    /// It was cancelled.
    Cancelled(CancelReason),
}

/// The stock of one SKU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockView {
    /// Which.
    pub sku: Sku,
    /// How many can be ordered.
    pub on_hand: i64,
    /// The most usual price of one.
    pub unit_price: Money,
    /// Grows with every change, so that an older answer is told from a newer one.
    pub version: i64,
}
