//! What an order says, for its caller: the reply to `contents.get`.
//!
//! Requests and replies are as those of [`OrderView`](crate::OrderView), with `null` for an order that inventory has
//! not processed.

use serde::{Deserialize, Serialize};

use crate::{Adjustment, Contact, Metadata, Money, OrderLine, ShippingAddress};

/// What an order says, as its row has it. No payment token is in a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderContents {
    /// The total of the order.
    pub total: Money,
    /// Its lines.
    pub lines: Vec<OrderLine>,
    /// The shop's identifier of the customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<String>,
    /// The shop's own reference for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Where it is shipped to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping_address: Option<ShippingAddress>,
    /// How its buyer is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<Contact>,
    /// What is added to its lines, and what is taken off.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub adjustments: Vec<Adjustment>,
    /// What the shop keeps with it.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
    /// Whether what it said about a person is erased.
    #[serde(default, skip_serializing_if = "is_false")]
    pub erased: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}
