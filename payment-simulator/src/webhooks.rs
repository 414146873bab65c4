//! Events about payment intents, which are sent to the receiver of webhooks.

use bytes::Bytes;
use serde_json::json;
use tokio::sync::mpsc;

use super::model::{IntentSnapshot, IntentState, unix_seconds};
use super::object_ids::ObjectIds;
use super::webhook_config::WebhookConfig;
use super::webhook_delivery::Delivery;

/// Creates events and queues them for delivery.
pub(super) struct Webhooks {
    ids: ObjectIds,
    /// The number of events so far.
    count: usize,
    pub(super) config: WebhookConfig,
    queue: mpsc::Sender<Delivery>,
}

impl Webhooks {
    pub(super) fn new(
        ids: ObjectIds,
        config: WebhookConfig,
        queue: mpsc::Sender<Delivery>,
    ) -> Webhooks {
        Webhooks { ids, count: 0, config, queue }
    }

    /// Queues the event that an intent has a new state. It never waits: if the queue is full, the
    /// event is dropped.
    pub(super) fn announce(&mut self, intent: &IntentSnapshot) {
        let Some((url, secret)) = self.config.target() else { return };
        let Some(event_type) = event_type(intent.state) else { return };
        let id = self.ids.id("evt_", self.count);
        self.count += 1;
        let Ok(place) = self.queue.try_reserve() else {
            tracing::warn!(%id, event_type, "webhook dropped: too many wait to be delivered");
            return;
        };
        let event = json!({
            "id": id,
            "object": "event",
            "type": event_type,
            "created": unix_seconds(),
            "data": { "object": intent },
        });
        let body = Bytes::from(event.to_string());
        place.send(Delivery { url: url.clone(), secret: secret.clone(), event: id, body });
    }
}

fn event_type(state: IntentState) -> Option<&'static str> {
    match state {
        IntentState::Unconfirmed => None,
        IntentState::RequiresAction => Some("payment_intent.requires_action"),
        IntentState::Processing => Some("payment_intent.processing"),
        IntentState::Declined(_) | IntentState::AuthenticationFailed => {
            Some("payment_intent.payment_failed")
        }
        IntentState::Succeeded => Some("payment_intent.succeeded"),
        IntentState::Canceled => Some("payment_intent.canceled"),
    }
}
