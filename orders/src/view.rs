//! Views of an order and of stock for buyers: the replies to `status.get` and `stock.get`.
//!
//! A request is a JSON array of ids (or SKUs). Its reply is an array of the same length and
//! sequence, with `null` for what is not in the database, and an [`Unanswered`] for what this reply
//! does not answer.

use serde::{Deserialize, Serialize};

use crate::{BodyDigest, CancelReason, Money, Rejection, Sku, Status, Timestamp};

/// The status of an order and its history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderView {
    /// The current status.
    pub status: Status,
    /// Why it was rejected or cancelled, if it was.
    pub reason: Option<Reason>,
    /// The statuses that it has reached, oldest first.
    pub history: Vec<StatusChange>,
    /// The digest of the body that inventory processed. Absent if it has processed none, and in the
    /// replies of workers of an earlier version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_digest: Option<BodyDigest>,
    /// What the buyer has to do, while the status is [`Status::RequiresAction`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_action: Option<NextAction>,
}

/// Why a reply does not answer a key. No version reads it as a view: to an edge of the version before,
/// the whole reply is invalid, as if no worker had replied. `null` would say that there are no rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "unanswered", rename_all = "snake_case")]
pub enum Unanswered {
    /// The answer did not fit into the reply. It may fit into another one.
    TooLarge {
        /// What the answer takes of a reply.
        bytes: usize,
    },
    /// The worker cannot read the rows, which a newer version has written.
    Unreadable,
}

/// What the buyer has to do before the order can be paid. Only the buyer may see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum NextAction {
    /// Authenticate the payment, as the bank demands (3-D Secure).
    Authenticate {
        /// Where the buyer's browser goes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        redirect_url: Option<BuyerSecret>,
        /// What the provider's library in the browser needs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client_secret: Option<BuyerSecret>,
    },
    /// Pay with another payment method.
    NewPaymentMethod {
        /// Why the last one failed, in the provider's terms.
        decline_code: String,
    },
}

/// A text with which the buyer's browser may complete a payment. Its debug form hides it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BuyerSecret(String);

impl std::fmt::Debug for BuyerSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BuyerSecret(…)")
    }
}

/// A status, and the time at which an order reached it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusChange {
    /// The status that was reached.
    pub status: Status,
    /// The time at which it was reached.
    #[serde(rename = "at_ms")]
    pub at: Timestamp,
}

/// Why an order was rejected or cancelled.
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
    /// The SKU.
    pub sku: Sku,
    /// The quantity available to order.
    pub on_hand: i64,
    /// The most common price of one unit.
    pub unit_price: Money,
    /// Increases with every change, which shows which of two replies is newer.
    pub version: i64,
}
