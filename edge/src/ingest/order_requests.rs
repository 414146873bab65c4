//! Requests about orders that were placed before: a batch of them becomes one message.

use std::collections::HashSet;

use orders::{Event, EventBody, EventKind, OrderId};
use streams::{GroupReceiver, Publisher, own_time};
use tokio::sync::oneshot;

use super::batch::{Batch, SubmitResult};

/// A request that waits to be stored.
pub(crate) struct OrderRequest {
    pub(crate) order_id: OrderId,
    /// The event that states the request.
    pub(crate) body: EventBody,
    pub(crate) reply: oneshot::Sender<SubmitResult>,
}

/// Stores requests whose events are of this kind, one batch at a time, until every sender is
/// dropped.
pub(super) async fn run_order_requests(
    kind: EventKind,
    mut queue: GroupReceiver<OrderRequest>,
    publisher: Publisher,
) {
    while let Some(requests) = queue.next().await {
        let mut batch = build_batch(requests);
        let is_stored = batch.store(kind, &publisher).await;
        batch.send_results(is_stored);
    }
}

/// A batch with one record for each different request that a client waits for.
fn build_batch(requests: Vec<OrderRequest>) -> Batch {
    let mut batch = Batch::default();
    let mut lines = HashSet::with_capacity(requests.len());
    let at = own_time();
    for OrderRequest { order_id, body, reply } in requests {
        if reply.is_closed() {
            continue;
        }
        let mut line = Vec::new();
        Event { order_id, at, body, traceparent: None }.write_line(&mut line);
        if !lines.contains(&line) {
            batch.push(&line);
            lines.insert(line);
        }
        batch.on_stored(reply, SubmitResult::Stored { known_digest: None });
    }
    batch
}
