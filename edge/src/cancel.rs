//! `POST /v1/orders/{id}/cancel`: a buyer's request is stored, and fulfilment decides about it.
//!
//! The request changes no state, so it may be made again, on any edge: it is fulfilment's row that
//! stands, and that all later events tell of.

use std::collections::HashSet;
use std::time::SystemTime;

use hyper::StatusCode;
use orders::{CancelledBy, Event, EventBody, EventKind, OrderId, Status};
use serde::Serialize;
use streams::{GroupReceiver, Publisher};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::core::Core;
use crate::intake::{Batch, Outcome};
use crate::limits::ANSWER_PATIENCE;
use crate::problem::Problem;
use crate::response::{Answer, json_as};

/// A request that waits to be stored.
pub(crate) struct Request {
    /// Whose order is to be cancelled.
    order_id: OrderId,
    /// Where its client waits.
    outcome: oneshot::Sender<Outcome>,
}

/// What a buyer is told.
#[derive(Serialize)]
struct Requested<'a> {
    order_id: &'a str,
    /// As far as it is known.
    status: Status,
}

/// Asks for the order whose proven id is `text` to be cancelled. Its body says nothing.
pub(crate) async fn cancel(core: &Core, text: &str) -> Result<Answer, Problem> {
    let order_id = core.secrets.verify(text).ok_or(Problem::NoSuchOrder)?.id();
    let known = core.statuses.ask(order_id).await.flatten();
    let status = known.map_or(Status::Accepted, |view| view.status);
    match status {
        Status::Fulfilled | Status::Rejected => return Err(Problem::TooLate(status)),
        // On its way back already, or there.
        Status::Declined | Status::Withdrawn | Status::Refunded | Status::Cancelled => {}
        Status::Accepted | Status::Reserved | Status::Paid => request(core, order_id).await?,
    }
    Ok(json_as(StatusCode::ACCEPTED, &Requested { order_id: text, status }))
}

async fn request(core: &Core, order_id: OrderId) -> Result<(), Problem> {
    let (outcome, awaited) = oneshot::channel();
    core.cancellations.join(Request { order_id, outcome }, 0).map_err(|_| Problem::Overloaded)?;
    match timeout(ANSWER_PATIENCE, awaited).await {
        Ok(Ok(Outcome::Accepted { .. })) => Ok(()),
        _ => Err(Problem::Unacknowledged),
    }
}

/// Stores requests, one batch at a time, until every sender is gone.
pub(crate) async fn take_requests(mut arriving: GroupReceiver<Request>, publisher: Publisher) {
    while let Some(requests) = arriving.next().await {
        let mut batch = gather(requests);
        let stored = batch.store(EventKind::CancelRequested, &publisher).await;
        batch.answer(stored);
    }
}

/// Makes a batch with one record for each order that somebody waits for.
fn gather(requests: Vec<Request>) -> Batch {
    let (mut batch, mut asked) = (Batch::default(), HashSet::with_capacity(requests.len()));
    let (at, body) =
        (SystemTime::now().into(), EventBody::CancelRequested { by: CancelledBy::Buyer });
    for Request { order_id, outcome } in requests {
        if outcome.is_closed() {
            continue;
        }
        let replayed = !asked.insert(order_id);
        if !replayed {
            let mut line = Vec::new();
            Event { order_id, at, body: body.clone() }.write_line(&mut line);
            batch.push(&line);
        }
        batch.wait(outcome, Outcome::Accepted { replayed });
    }
    batch
}
