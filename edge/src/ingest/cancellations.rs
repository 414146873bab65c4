//! Cancel requests: a batch of them becomes one message, with one record for each order.

use std::collections::HashSet;
use std::time::SystemTime;

use orders::{CancelledBy, Event, EventBody, EventKind, OrderId};
use streams::{GroupReceiver, Publisher};
use tokio::sync::oneshot;

use super::batch::{Batch, SubmitResult};

/// A cancel request that waits to be stored.
pub(crate) struct CancelRequest {
    pub(crate) order_id: OrderId,
    pub(crate) reply: oneshot::Sender<SubmitResult>,
}

/// Stores cancel requests, one batch at a time, until every sender is dropped.
pub(super) async fn run_cancellations(
    mut queue: GroupReceiver<CancelRequest>,
    publisher: Publisher,
) {
    while let Some(requests) = queue.next().await {
        let mut batch = build_batch(requests);
        let is_stored = batch.store(EventKind::CancelRequested, &publisher).await;
        batch.send_results(is_stored);
    }
}

/// A batch with one record for each order that a client waits for.
fn build_batch(requests: Vec<CancelRequest>) -> Batch {
    let mut batch = Batch::default();
    let mut order_ids = HashSet::with_capacity(requests.len());
    let at = SystemTime::now().into();
    let body = EventBody::CancelRequested { by: CancelledBy::Buyer };
    for CancelRequest { order_id, reply } in requests {
        if reply.is_closed() {
            continue;
        }
        if order_ids.insert(order_id) {
            let mut line = Vec::new();
            Event { order_id, at, body: body.clone() }.write_line(&mut line);
            batch.push(&line);
        }
        batch.on_stored(reply, SubmitResult::Stored { known_digest: None });
    }
    batch
}
