//! `POST /v1/orders/{id}/cancel`: stores a buyer's cancel request; fulfilment decides about it.
//!
//! The request changes no state, so it may be repeated on any edge: fulfilment's row is the
//! decision, and all later events are derived from it.

use hyper::StatusCode;
use orders::{OrderId, Status};
use serde::Serialize;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::ingest::{CancelRequest, SubmitResult};
use crate::limits::RESPONSE_TIMEOUT;
use crate::problem::Problem;
use crate::response::{HttpResponse, json_with_status};
use crate::state::ShardState;

#[derive(Serialize)]
struct CancelResponse<'a> {
    order_id: &'a str,
    /// The last known status; `accepted` if no worker replied.
    status: Status,
}

/// Requests the cancellation of the order whose signed id is `signed_id`. The request body is
/// ignored.
pub(super) async fn cancel_order(
    state: &ShardState,
    signed_id: &str,
) -> Result<HttpResponse, Problem> {
    let order_id = state.signing_keys.verify(signed_id).ok_or(Problem::NoSuchOrder)?.id();
    let view = state.lookups.status.get(order_id).await.flatten();
    let status = view.map_or(Status::Accepted, |view| view.status);
    match status {
        Status::Fulfilled | Status::Rejected => return Err(Problem::NotCancellable(status)),
        // Already being cancelled, or cancelled.
        Status::Declined | Status::Withdrawn | Status::Refunded | Status::Cancelled => {}
        Status::Accepted | Status::Reserved | Status::Paid => submit(state, order_id).await?,
    }
    let response = CancelResponse { order_id: signed_id, status };
    Ok(json_with_status(StatusCode::ACCEPTED, &response))
}

async fn submit(state: &ShardState, order_id: OrderId) -> Result<(), Problem> {
    let (reply, receiver) = oneshot::channel();
    let request = CancelRequest { order_id, reply };
    state.ingest.cancellations.try_enqueue(request, 0).map_err(|_| Problem::Overloaded)?;
    match timeout(RESPONSE_TIMEOUT, receiver).await {
        Ok(Ok(SubmitResult::Stored { .. })) => Ok(()),
        _ => Err(Problem::AckTimeout),
    }
}
