//! A payment intent as Stripe writes it in JSON.

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::model::{Intent, IntentSnapshot, IntentState};

impl Serialize for IntentSnapshot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let IntentSnapshot { intent, card, state } = self;
        IntentBody {
            id: &intent.id,
            object: "payment_intent",
            amount: intent.amount,
            amount_received: if *state == IntentState::Succeeded { intent.amount } else { 0 },
            client_secret: format!("{}_secret_{:016x}", intent.id, intent.secret),
            created: intent.created,
            currency: &intent.currency,
            last_payment_error: last_payment_error(*state),
            metadata: Metadata { order_id: intent.order_id.as_deref() },
            next_action: next_action(intent, *state),
            // Stripe detaches a card that failed from the intent.
            payment_method: card.filter(|_| !state.is_failed()).map(|card| card.to_string()),
            status: self.status(),
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
    client_secret: String,
    created: u64,
    currency: &'a str,
    last_payment_error: Option<Value>,
    metadata: Metadata<'a>,
    next_action: Option<Value>,
    payment_method: Option<String>,
    status: &'static str,
}

#[derive(Serialize)]
struct Metadata<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<&'a str>,
}

/// What the buyer must do.
fn next_action(intent: &Intent, state: IntentState) -> Option<Value> {
    (state == IntentState::RequiresAction).then(|| {
        let url = format!("{}/authenticate/{}", intent.site, intent.id);
        json!({
            "type": "redirect_to_url",
            "redirect_to_url": { "url": url, "return_url": null },
        })
    })
}

/// Why the latest attempt to pay failed.
fn last_payment_error(state: IntentState) -> Option<Value> {
    match state {
        IntentState::Declined(decline) => Some(json!({
            "type": "card_error",
            "code": "card_declined",
            "decline_code": decline.code(),
            "message": decline.message(),
        })),
        IntentState::AuthenticationFailed => Some(json!({
            "type": "card_error",
            "code": "payment_intent_authentication_failure",
            "message": "The provided payment method has failed authentication.",
        })),
        _ => None,
    }
}
