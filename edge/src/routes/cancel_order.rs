//! `POST /v1/orders/{id}/cancel`: stores a buyer's cancel request; fulfilment decides about it.
//!
//! The request changes no state, so it may be repeated on any edge: fulfilment's row is the
//! decision, and all later events are derived from it.

use hyper::StatusCode;
use orders::{CancelledBy, EventBody, Status};
use serde::Serialize;

use super::submit::submit;
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
        Status::Accepted | Status::Reserved | Status::RequiresAction | Status::Paid => {
            let body = EventBody::CancelRequested { by: CancelledBy::Buyer };
            submit(&state.ingest.cancellations, order_id, body).await?;
        }
    }
    let response = CancelResponse { order_id: signed_id, status };
    Ok(json_with_status(StatusCode::ACCEPTED, &response))
}
