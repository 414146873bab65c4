//! The provider's data: payment intents, their state, and refunds, as Stripe writes them in JSON.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::test_cards::{Card, Decline};

/// The immutable part of a payment intent.
#[derive(Debug)]
pub(super) struct Intent {
    pub(super) id: String,
    /// In minor units of the currency.
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) order_id: Option<String>,
    pub(super) card: Card,
    /// Unix time in seconds.
    pub(super) created: u64,
}

/// The mutable part of a payment intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IntentState {
    Unconfirmed,
    Declined(Decline),
    Succeeded,
    Canceled,
}

/// A payment intent at one point in time.
#[derive(Clone, Debug)]
pub(super) struct IntentSnapshot {
    pub(super) intent: Arc<Intent>,
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
    pub(super) fn status(self) -> &'static str {
        match self {
            IntentState::Unconfirmed => "requires_confirmation",
            IntentState::Declined(_) => "requires_payment_method",
            IntentState::Succeeded => "succeeded",
            IntentState::Canceled => "canceled",
        }
    }
}

impl Serialize for IntentSnapshot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let IntentSnapshot { intent, state } = self;
        let decline = if let IntentState::Declined(decline) = state { Some(decline) } else { None };
        IntentBody {
            id: &intent.id,
            object: "payment_intent",
            amount: intent.amount,
            amount_received: if *state == IntentState::Succeeded { intent.amount } else { 0 },
            created: intent.created,
            currency: &intent.currency,
            last_payment_error: decline.map(|decline| {
                json!({
                    "type": "card_error",
                    "code": "card_declined",
                    "decline_code": decline.code(),
                    "message": decline.message(),
                })
            }),
            metadata: Metadata { order_id: intent.order_id.as_deref() },
            // Stripe detaches a declined card from the intent.
            payment_method: decline.is_none().then(|| intent.card.to_string()),
            status: state.status(),
        }
        .serialize(serializer)
    }
}

#[derive(Serialize)]
struct IntentBody<'a> {
    id: &'a str,
    object: &'static str,
    amount: i64,
    amount_received: i64,
    created: u64,
    currency: &'a str,
    last_payment_error: Option<Value>,
    metadata: Metadata<'a>,
    payment_method: Option<String>,
    status: &'static str,
}

#[derive(Serialize)]
struct Metadata<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<&'a str>,
}

/// The current time as Stripe writes it.
pub(super) fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}
