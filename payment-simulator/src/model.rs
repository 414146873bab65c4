//! The provider's data: payment intents, their state, and refunds.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::test_cards::{Card, Decline};

/// The immutable part of a payment intent.
#[derive(Debug)]
pub(super) struct Intent {
    pub(super) id: String,
    /// In minor units of the currency.
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) order_id: Option<String>,
    /// Unix time in seconds.
    pub(super) created: u64,
    /// The random part of the client secret.
    pub(super) secret: u64,
    /// Base URL of the simulator, where the buyer approves the payment.
    pub(super) site: Arc<str>,
}

/// The mutable part of a payment intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IntentState {
    Unconfirmed,
    /// The buyer must approve the payment.
    RequiresAction,
    /// The bank takes its time.
    Processing,
    Declined(Decline),
    /// The buyer denied the payment.
    AuthenticationFailed,
    Succeeded,
    Canceled,
}

/// A payment intent at one point in time.
#[derive(Clone, Debug)]
pub(super) struct IntentSnapshot {
    pub(super) intent: Arc<Intent>,
    /// Without one, the intent cannot be confirmed.
    pub(super) card: Option<Card>,
    pub(super) state: IntentState,
}

/// A full or partial refund of a captured amount.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Refund {
    pub(super) id: String,
    pub(super) object: &'static str,
    /// In minor units of the intent's currency.
    pub(super) amount: i64,
    /// Unix time in seconds.
    pub(super) created: u64,
    pub(super) payment_intent: String,
    pub(super) status: RefundStatus,
}

/// The status of a refund, by Stripe's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundStatus {
    /// The money is returned.
    Succeeded,
    /// The money is being returned.
    Pending,
    /// The money was not returned.
    Failed,
}

/// What a bank makes of a payment that it does not decline, by Stripe's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// The money is captured.
    Succeeded,
    /// The bank has not decided yet.
    Processing,
    /// The payment is declined after it was processed.
    Failed,
}

impl PaymentStatus {
    pub(super) fn parse(name: &str) -> Option<PaymentStatus> {
        match name {
            "succeeded" => Some(PaymentStatus::Succeeded),
            "processing" => Some(PaymentStatus::Processing),
            "failed" => Some(PaymentStatus::Failed),
            _ => None,
        }
    }
}

impl RefundStatus {
    pub(super) fn parse(name: &str) -> Option<RefundStatus> {
        match name {
            "succeeded" => Some(RefundStatus::Succeeded),
            "pending" => Some(RefundStatus::Pending),
            "failed" => Some(RefundStatus::Failed),
            _ => None,
        }
    }
}

impl IntentState {
    /// Whether an attempt to pay has failed, so that a new payment method is needed.
    pub(super) fn is_failed(self) -> bool {
        matches!(self, IntentState::Declined(_) | IntentState::AuthenticationFailed)
    }

    fn status(self) -> &'static str {
        match self {
            IntentState::Unconfirmed => "requires_confirmation",
            IntentState::RequiresAction => "requires_action",
            IntentState::Processing => "processing",
            IntentState::Declined(_) | IntentState::AuthenticationFailed => {
                "requires_payment_method"
            }
            IntentState::Succeeded => "succeeded",
            IntentState::Canceled => "canceled",
        }
    }
}

impl IntentSnapshot {
    pub(super) fn status(&self) -> &'static str {
        match self.card {
            None if self.state == IntentState::Unconfirmed => "requires_payment_method",
            _ => self.state.status(),
        }
    }
}

/// The current time as Stripe writes it.
pub(super) fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}
