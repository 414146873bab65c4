//! Stores a request about a placed order.

use orders::{EventBody, OrderId};
use streams::GroupSender;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::ingest::{OrderRequest, SubmitResult};
use crate::limits::RESPONSE_TIMEOUT;
use crate::problem::Problem;

/// Returns when the request is stored.
pub(super) async fn submit(
    queue: &GroupSender<OrderRequest>,
    order_id: OrderId,
    body: EventBody,
) -> Result<(), Problem> {
    let (reply, receiver) = oneshot::channel();
    let request = OrderRequest { order_id, body, reply };
    queue.try_enqueue(request, 0).map_err(|_| Problem::Overloaded)?;
    match timeout(RESPONSE_TIMEOUT, receiver).await {
        Ok(Ok(SubmitResult::Stored { .. })) => Ok(()),
        _ => Err(Problem::AckTimeout),
    }
}
