//! A worker that answers what the test says about orders, and publishes their events.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use orders::{Event, EventBody, OrderId, Status, Timestamp};
use serde_json::{Value, json};
use streams::subjects::STATUS_GET;
use streams::{Publisher, batch};
use tokio_util::task::AbortOnDropHandle;

use super::test_edge::{DEADLINE, signing_keys};
use crate::test_servers::{TestServers, wait_until};

/// It ends when this is dropped.
pub(crate) struct StatusWorker {
    rows: Arc<Mutex<HashMap<OrderId, Value>>>,
    /// Orders that it was asked about, each as often as it was.
    asked: Arc<AtomicUsize>,
    publisher: Publisher,
    _task: AbortOnDropHandle<()>,
}

impl StatusWorker {
    pub(crate) async fn start(servers: &TestServers) -> Self {
        let mut requests = servers.worker_requests(STATUS_GET).await;
        let rows: Arc<Mutex<HashMap<OrderId, Value>>> = Arc::default();
        let asked = Arc::new(AtomicUsize::new(0));
        let (answers, count) = (rows.clone(), asked.clone());
        let task = tokio::spawn(async move {
            while let Some(request) = requests.next().await {
                let ids: Vec<OrderId> = serde_json::from_slice(&request.payload).unwrap();
                let views: Vec<Value> = {
                    let rows = answers.lock().unwrap();
                    ids.iter().map(|id| rows.get(id).cloned().unwrap_or_default()).collect()
                };
                count.fetch_add(ids.len(), Ordering::Relaxed);
                request.reply(serde_json::to_vec(&views).unwrap()).await;
            }
        });
        let publisher = Publisher::new(servers.connect().await);
        Self { rows, asked, publisher, _task: AbortOnDropHandle::new(task) }
    }

    /// From now on the rows of an order have these statuses.
    pub(crate) fn set(&self, id: OrderId, history: &[Status]) {
        self.set_with(id, history, &json!({}));
    }

    /// The same, with further members of the view.
    pub(crate) fn set_with(&self, id: OrderId, history: &[Status], more: &Value) {
        let changes: Vec<_> =
            history.iter().map(|status| json!({"status": status, "at_ms": 0})).collect();
        let mut view =
            json!({"status": history.last().unwrap(), "reason": null, "history": changes});
        view.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.rows.lock().unwrap().insert(id, view);
    }

    /// Publishes an event of an order so many times, in one message.
    pub(crate) async fn publish(&self, id: OrderId, body: EventBody, copies: usize) {
        let (kind, at) = (body.kind(), Timestamp::from_millis(0));
        let mut lines = Vec::new();
        for _ in 0..copies {
            let body = body.clone();
            Event { order_id: id, at, body, traceparent: None }.write_line(&mut lines);
        }
        self.publisher.publish(&batch::message(kind, lines, copies), DEADLINE).await.unwrap();
    }

    /// How many orders it was asked about.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    /// Waits until it was asked about more orders than `before`.
    pub(crate) async fn wait_until_asked(&self, before: usize) {
        wait_until("the worker is asked", async || self.asked() > before).await;
    }
}

/// The order whose id repeats `byte`.
pub(crate) fn order(byte: u8) -> OrderId {
    OrderId::from_bytes([byte; 16])
}

/// Where clients find it.
pub(crate) fn path(id: OrderId) -> String {
    format!("/v1/orders/{}", signing_keys().sign(id, &orders::CallerName::PUBLIC))
}

pub(crate) fn reserved() -> EventBody {
    let amount = serde_json::from_value(json!({"amount": 5, "currency": "GBP"})).unwrap();
    EventBody::Reserved { amount, payment_token: None, on_decline: orders::OnDecline::Cancel }
}

pub(crate) fn paid() -> EventBody {
    let amount = serde_json::from_value(json!({"amount": 5, "currency": "GBP"})).unwrap();
    EventBody::Paid { amount, payment_intent: "pi".to_owned() }
}

pub(crate) fn fulfilled() -> EventBody {
    EventBody::Fulfilled { shipment: "S".to_owned() }
}
