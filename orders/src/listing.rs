//! A page of a caller's own orders: what `listing.get` is asked, and its reply. A listing says nothing about a person.

use serde::{Deserialize, Serialize};

use crate::{CallerHash, Money, OrderId, Status, Timestamp};

/// Which orders of a caller are listed, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListingQuery {
    /// What the rows of the caller's orders have: a hash for each secret that is configured.
    pub callers: Vec<CallerHash>,
    /// This order alone, whose id was derived from the caller and a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<OrderId>,
    /// Only those with this reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Only those with this status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// Only those that were accepted later.
    #[serde(default, rename = "after_ms", skip_serializing_if = "Option::is_none")]
    pub created_after: Option<Timestamp>,
    /// Only those behind this place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behind: Option<ListingPlace>,
    /// So many at most.
    pub limit: u8,
}

/// A place in the sequence of a caller's orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListingPlace {
    /// When the order there was accepted.
    #[serde(rename = "at_ms")]
    pub at: Timestamp,
    /// Its id.
    pub id: OrderId,
}

/// A page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderListing {
    /// The orders.
    pub orders: Vec<ListedOrder>,
    /// The place behind which there may be more; `None` at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<ListingPlace>,
}

/// An order in a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedOrder {
    /// The order, and when it was accepted.
    #[serde(flatten)]
    pub place: ListingPlace,
    /// Its status.
    pub status: Status,
    /// The shop's own reference for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Its total.
    pub total: Money,
}
