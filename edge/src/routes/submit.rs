//! Stores a request about a placed order, and answers that it is stored.

use hyper::StatusCode;
use orders::{EventBody, OrderId, SignedOrderId, Status};
use serde::Serialize;
use streams::GroupSender;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::ingest::{IngestQueues, OrderRequest, SubmitResult};
use crate::limits::{ORDER_REQUEST_BYTES_MAX, RESPONSE_TIMEOUT};
use crate::problem::Problem;
use crate::response::{HttpResponse, json_with_status};
use crate::state::ShardState;

#[derive(Serialize)]
struct SubmitResponse {
    order_id: String,
    /// The status before the request is processed; null if it cannot be read now.
    status: Option<Status>,
}

/// Returns when the request is stored in one of the queues of `state`.
pub(super) async fn submit(
    state: &ShardState,
    queue: impl FnOnce(&IngestQueues) -> &GroupSender<OrderRequest>,
    order_id: OrderId,
    body: EventBody,
) -> Result<(), Problem> {
    state.gates.check_request()?;
    let (reply, receiver) = oneshot::channel();
    let request = OrderRequest { order_id, body, reply };
    let queue = queue(&state.ingest);
    queue.try_enqueue(request, ORDER_REQUEST_BYTES_MAX).map_err(|_| Problem::Overloaded)?;
    match timeout(RESPONSE_TIMEOUT, receiver).await {
        Ok(Ok(SubmitResult::Stored { .. })) => Ok(()),
        _ => Err(Problem::AckTimeout),
    }
}

/// The 202 to a request about an order.
pub(super) fn accepted(id: SignedOrderId, status: Option<Status>) -> HttpResponse {
    let response = SubmitResponse { order_id: id.to_string(), status };
    json_with_status(StatusCode::ACCEPTED, &response)
}
