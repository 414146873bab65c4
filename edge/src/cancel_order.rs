//! `POST /v1/orders/{id}/cancel`: stores a buyer's cancel request; fulfilment decides about it.
//!
//! The request changes no state, so it may be repeated on any edge: fulfilment's row is the
//! decision, and all later events are derived from it.

use std::collections::HashSet;
use std::time::SystemTime;

use hyper::StatusCode;
use orders::{CancelledBy, Event, EventBody, EventKind, OrderId, Status};
use serde::Serialize;
use streams::{GroupReceiver, Publisher};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::ingest::{Batch, SubmitResult};
use crate::limits::RESPONSE_TIMEOUT;
use crate::problem::Problem;
use crate::response::{HttpResponse, json_with_status};
use crate::shard::Shard;

/// A cancel request that waits to be stored.
pub(crate) struct CancelRequest {
    order_id: OrderId,
    reply: oneshot::Sender<SubmitResult>,
}

#[derive(Serialize)]
struct CancelResponse<'a> {
    order_id: &'a str,
    /// The last known status; `accepted` if no worker replied.
    status: Status,
}

/// Requests the cancellation of the order whose signed id is `signed_id`. The request body is
/// ignored.
pub(crate) async fn cancel_order(shard: &Shard, signed_id: &str) -> Result<HttpResponse, Problem> {
    let order_id = shard.signing_keys.verify(signed_id).ok_or(Problem::NoSuchOrder)?.id();
    let view = shard.status_lookup.get(order_id).await.flatten();
    let status = view.map_or(Status::Accepted, |view| view.status);
    match status {
        Status::Fulfilled | Status::Rejected => return Err(Problem::NotCancellable(status)),
        // Already being cancelled, or cancelled.
        Status::Declined | Status::Withdrawn | Status::Refunded | Status::Cancelled => {}
        Status::Accepted | Status::Reserved | Status::Paid => submit(shard, order_id).await?,
    }
    let response = CancelResponse { order_id: signed_id, status };
    Ok(json_with_status(StatusCode::ACCEPTED, &response))
}

async fn submit(shard: &Shard, order_id: OrderId) -> Result<(), Problem> {
    let (reply, receiver) = oneshot::channel();
    let request = CancelRequest { order_id, reply };
    shard.cancel_queue.try_enqueue(request, 0).map_err(|_| Problem::Overloaded)?;
    match timeout(RESPONSE_TIMEOUT, receiver).await {
        Ok(Ok(SubmitResult::Accepted { .. })) => Ok(()),
        _ => Err(Problem::AckTimeout),
    }
}

/// Stores cancel requests, one batch at a time, until every sender is dropped.
pub(crate) async fn run_cancellations(
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
        let replayed = !order_ids.insert(order_id);
        if !replayed {
            let mut line = Vec::new();
            Event { order_id, at, body: body.clone() }.write_line(&mut line);
            batch.push(&line);
        }
        batch.on_stored(reply, SubmitResult::Accepted { replayed });
    }
    batch
}
