//! `POST /v1/provider/events`: a webhook of the payment provider.
//!
//! It is a reason to ask and no more: payment retrieves the intent before it decides. So an event
//! that is lost, late, repeated or out of sequence does no harm.

use hyper::header::{HeaderMap, HeaderName};
use hyper::{Request, StatusCode, body::Incoming};
use orders::{EventBody, OrderId, Status};
use serde::Deserialize;
use streams::own_time;

use super::submit::submit;
use crate::body::Body;
use crate::problem::Problem;
use crate::response::{HttpResponse, json_with_status};
use crate::state::ShardState;

const SIGNATURE: HeaderName = HeaderName::from_static("stripe-signature");

/// The types of events that can end a wait.
const TYPES: [&str; 4] = [
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.processing",
    "payment_intent.canceled",
];

/// The members of an event that are used.
#[derive(Deserialize)]
struct ProviderEvent {
    r#type: String,
    data: EventData,
}

#[derive(Deserialize)]
struct EventData {
    object: Intent,
}

#[derive(Deserialize)]
struct Intent {
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
struct Metadata {
    order_id: Option<String>,
}

/// Has payment look at the order that the event is about, if that order waits for its buyer.
pub(super) async fn receive_provider_event(
    state: &ShardState,
    request: &mut Request<Incoming>,
) -> Result<HttpResponse, Problem> {
    let secrets = state.webhook_secrets.as_ref().ok_or(Problem::NotFound)?;
    let signature = signature(request.headers())?.to_owned();
    let Body { bytes, permit: _permit } = state.body_budget.receive(request.body_mut()).await?;
    if !secrets.verify(&signature, &bytes, own_time().into()) {
        return Err(Problem::InvalidSignature);
    }
    if let Some(order_id) = order_of(&bytes)
        && is_waiting(state, order_id).await?
    {
        let body = EventBody::PaymentSubmitted { payment_token: None };
        submit(state, |queues| &queues.payments, order_id, body).await?;
    }
    Ok(json_with_status(StatusCode::OK, &serde_json::json!({"received": true})))
}

fn signature(headers: &HeaderMap) -> Result<&str, Problem> {
    let header = headers.get(SIGNATURE).and_then(|value| value.to_str().ok());
    header.ok_or(Problem::InvalidSignature)
}

/// The order that an event is about. Events of other kinds, and of intents that are not ours, are
/// about none.
fn order_of(bytes: &[u8]) -> Option<OrderId> {
    let event: ProviderEvent = serde_json::from_slice(bytes).ok()?;
    let is_of_interest = TYPES.contains(&&*event.r#type);
    event.data.object.metadata.order_id.filter(|_| is_of_interest)?.parse().ok()
}

/// Whether the order waits for its buyer: most events are about orders that do not.
async fn is_waiting(state: &ShardState, order_id: OrderId) -> Result<bool, Problem> {
    let view = state.lookups.status.get(order_id).await.ok_or(Problem::StatusUnavailable)?;
    Ok(view.is_some_and(|view| view.status == Status::RequiresAction))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_event_about_an_intent_of_ours_names_an_order() {
        let id = OrderId::from_bytes([7; 16]);
        let event = |kind: &str, id: &str| {
            format!(
                r#"{{"type":"{kind}","data":{{"object":{{"metadata":{{"order_id":"{id}"}}}}}}}}"#
            )
        };
        let id_text = id.to_string();
        assert_eq!(order_of(event("payment_intent.succeeded", &id_text).as_bytes()), Some(id));
        for other in [
            event("charge.refunded", &id_text),
            event("payment_intent.created", &id_text),
            event("payment_intent.succeeded", "x"),
            r#"{"type":"payment_intent.succeeded","data":{"object":{}}}"#.to_owned(),
            "[]".to_owned(),
        ] {
            assert_eq!(order_of(other.as_bytes()), None, "{other}");
        }
    }
}
