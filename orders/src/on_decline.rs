//! What becomes of an order whose payment method is declined.

use serde::{Deserialize, Serialize};
use strum::{EnumString, VariantArray};

/// What becomes of an order whose payment method is declined, if another one could pay for it.
#[derive(
    Debug,
    Default,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    EnumString,
    VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum OnDecline {
    /// It is cancelled, and its stock released at once.
    #[default]
    Cancel,
    /// It waits for another payment method, until its reservation expires.
    NewPaymentMethod,
}

impl OnDecline {
    /// Whether this is the default, which is not written: an order that does not say it has the same
    /// digest.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
