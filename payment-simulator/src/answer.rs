//! Answers, and how Stripe writes them as JSON. An answer holds what was true when it was given,
//! so that a saved one reads the same for ever.

use std::sync::Arc;

use hyper::StatusCode;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::engine::{Intent, Refund, State};
use super::failure::Failure;

/// What the provider says to a request.
#[derive(Clone, Serialize)]
#[serde(untagged)]
pub(super) enum Answer {
    Intent(Snapshot),
    Intents(List<Snapshot>),
    Refund(Refund),
    Refunds(List<Refund>),
    Control(Value),
    Failed { error: Box<Failure> },
}

/// An intent as it was at one moment.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    pub(super) intent: Arc<Intent>,
    pub(super) state: State,
}

/// A part of a list, newest first.
#[derive(Clone, Serialize)]
pub(super) struct List<T> {
    pub(super) object: &'static str,
    pub(super) has_more: bool,
    pub(super) data: Vec<T>,
}

impl Answer {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Answer::Failed { error } => error.status,
            _ => StatusCode::OK,
        }
    }
}

impl From<Failure> for Answer {
    fn from(failure: Failure) -> Self {
        Answer::Failed { error: Box::new(failure) }
    }
}

impl Serialize for Snapshot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Snapshot { intent, state } = self;
        let decline = if let State::Declined(decline) = state { Some(decline) } else { None };
        IntentBody {
            id: &intent.id,
            object: "payment_intent",
            amount: intent.amount,
            amount_received: if *state == State::Succeeded { intent.amount } else { 0 },
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
            // Stripe takes a declined card off the intent.
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
