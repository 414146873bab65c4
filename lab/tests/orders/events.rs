//! Events that a test writes itself: into the stream, or directly to a step.

use std::time::Duration;

use orders::{
    BodyDigest, CancelledBy, Created, Event, EventBody, EventKind, IdempotencyKey, OrderId,
    PlaceOrder, Timestamp,
};
use serde_json::Value;
use streams::{DeliveryHistory, Lane, Origin, Publisher, batch};
use workers::step_input::StepInput;

use super::test_cluster::TestCluster;

/// The time of all these events.
const AT: Timestamp = Timestamp::from_millis(1_292_000_000_000);
pub(crate) const PUBLISH_TIMEOUT: Duration = Duration::from_secs(30);

/// The id that edges derive from this idempotency key.
pub(crate) fn order_id(key: &str) -> OrderId {
    let key: IdempotencyKey = key.parse().unwrap();
    OrderId::derive(&orders::CallerName::PUBLIC, &key)
}

pub(crate) fn event(key: &str, body: EventBody) -> Event {
    Event { order_id: order_id(key), at: AT, body, traceparent: None }
}

/// The event that an edge publishes for an order.
pub(crate) fn created(key: &str, basket: &Value) -> Event {
    let order = PlaceOrder::parse(basket.to_string().as_bytes()).unwrap();
    let digest = BodyDigest::of(&order);
    event(key, EventBody::Created(Box::new(Created { digest, order, caller: None })))
}

/// The same of an order that no step can process, while all that edges and readers need is there.
pub(crate) fn unprocessable(key: &str, basket: &Value) -> Event {
    let mut event = created(key, basket);
    if let EventBody::Created(created) = &mut event.body {
        created.order.reference = Some("PostgreSQL rejects a \0".to_owned());
    }
    event
}

pub(crate) fn cancel_requested(key: &str) -> Event {
    event(key, EventBody::CancelRequested { by: CancelledBy::Buyer })
}

/// The event as a record of a batch, with its newline.
pub(crate) fn ndjson_line(event: &Event) -> Vec<u8> {
    let mut line = Vec::new();
    event.write_line(&mut line);
    line
}

/// The input of a step for these events.
pub(crate) fn step_inputs<'a>(events: impl IntoIterator<Item = &'a Event>) -> Vec<StepInput> {
    events.into_iter().map(|event| StepInput { event: event.clone(), history: history() }).collect()
}

impl TestCluster {
    /// Publishes one batch to the stream of orders, whatever its lines are.
    pub(crate) async fn publish(&self, kind: EventKind, lines: &[Vec<u8>]) {
        let message = batch::message(kind, lines.concat(), lines.len());
        let publisher = Publisher::new(self.sources.connection.clone());
        publisher.publish(&message, PUBLISH_TIMEOUT).await.unwrap();
    }
}

fn history() -> DeliveryHistory {
    let origin = Origin { stream: Lane::FIRST.stream().to_owned(), sequence: 1 };
    DeliveryHistory::new(origin, Timestamp::from_millis(1))
}
