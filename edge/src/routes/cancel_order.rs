//! `POST /v1/orders/{id}/cancel`: stores a buyer's cancel request; fulfilment decides about it.
//!
//! The request changes no state, so it may be repeated on any edge: fulfilment's row is the
//! decision, and all later events are derived from it. So it is stored as well if the order's status
//! cannot be read.
//!
//! It has no body, and a browser would send such a request for a web page of any site. With either of
//! two headers a browser first asks the edge, which permits configured origins alone.

use hyper::HeaderMap;
use orders::{CancelledBy, EventBody, Status};

use super::issued_id::issued_id;
use super::place_order::{IDEMPOTENCY_KEY, require_json};
use super::submit::{accepted, submit};
use crate::caller::Caller;
use crate::problem::Problem;
use crate::response::HttpResponse;
use crate::state::ShardState;

/// Requests the cancellation of the order whose signed id is `signed_id`. The request body is
/// ignored.
pub(super) async fn cancel_order(
    state: &ShardState,
    caller: &Caller,
    signed_id: &str,
    headers: &HeaderMap,
) -> Result<HttpResponse, Problem> {
    let signed_id = issued_id(state, caller, signed_id)?;
    let order_id = signed_id.id();
    if !headers.contains_key(IDEMPOTENCY_KEY) {
        require_json(headers).map_err(|_| Problem::HeaderMissing)?;
    }
    let found = state.lookups.status.get(order_id).await;
    let status = found.map(|view| view.map_or(Status::Accepted, |view| view.status));
    match status {
        Some(status @ (Status::Fulfilled | Status::Rejected)) => {
            return Err(Problem::NotCancellable(status));
        }
        // Already being cancelled, or cancelled.
        Some(Status::Declined | Status::Withdrawn | Status::Refunded | Status::Cancelled) => {}
        Some(Status::Accepted | Status::Reserved | Status::RequiresAction | Status::Paid)
        | None => {
            let body = EventBody::CancelRequested { by: CancelledBy::Buyer };
            submit(state, |queues| &queues.cancellations, order_id, body).await?;
        }
    }
    Ok(accepted(signed_id, status))
}
