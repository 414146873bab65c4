//! Requests the cancellation of an order, as its buyer can by the HTTP API. Fulfilment decides, as always.

use std::time::Duration;

use orders::{OrderId, Status};
use serde_json::{Value, json};
use streams::{OutboundMessage, Publisher, batch};
use tokio::time::Instant;

use super::change::{Author, Outcome, change};
use super::context::Context;
use super::members::Members;
use super::order::{take_reading_time, unknown, view};
use super::order_events;
use super::order_id::require_order_id;
use super::refusal::Refusal;
use crate::cancellation::cancellation;
use crate::limits::{ORDER_SECONDS_MAX, PUBLISH_TIMEOUT};

/// Answers a request to cancel an order.
pub(super) async fn cancel(context: &Context, payload: &[u8]) -> Result<Value, Refusal> {
    let run =
        async |options: &Options, author: Option<&Author>| request(context, options, author).await;
    change(context, "cancel", payload, Options::take, run).await
}

/// Which order, and how long it is looked for if it has no rows.
struct Options {
    id: OrderId,
    time: Duration,
}

impl Options {
    fn take(members: &mut Members) -> Result<Self, Refusal> {
        Ok(Self { id: require_order_id(members)?, time: take_reading_time(members)? })
    }
}

/// Requests the cancellation; without an author, says whether it would.
async fn request(
    context: &Context,
    options: &Options,
    author: Option<&Author>,
) -> Result<Outcome, Refusal> {
    let id = options.id;
    let status = view(context, id).await?.map(|view| view.status);
    match status {
        Some(status @ (Status::Fulfilled | Status::Rejected)) => {
            let error = format!("the order is {status}: it cannot be cancelled");
            return Err(Refusal {
                member: Some("order_id".to_owned()),
                ..Refusal::conflict(error)
            });
        }
        // Already being cancelled, or cancelled.
        Some(Status::Declined | Status::Withdrawn | Status::Refunded | Status::Cancelled) => {
            let result = json!({"order_id": id, "status": status, "requested": false});
            return Ok(Outcome::done(result));
        }
        Some(Status::Accepted | Status::Reserved | Status::RequiresAction | Status::Paid) => {}
        None => {
            context.unless_stopping(require_stored(context, options)).await?;
        }
    }
    let status = status.unwrap_or(Status::Accepted);
    if author.is_some() {
        let publisher = Publisher::new(context.connection.clone());
        let messages = batch::messages(&[cancellation(id)], 1).into_iter();
        for message in messages.map(OutboundMessage::asking_for_answer) {
            publisher.publish(&message, PUBLISH_TIMEOUT).await.map_err(|err| {
                Refusal::unavailable("it is not known whether the request is stored", err)
            })?;
        }
    }
    Ok(Outcome::done(json!({"order_id": id, "status": status, "requested": true})))
}

/// An order that no step has processed is in the lanes, or a dead letter. Without its MAC an id may be mistyped, and a
/// request would leave a row that withdraws an order that comes later.
async fn require_stored(context: &Context, options: &Options) -> Result<(), Refusal> {
    let Options { id, time } = *options;
    let deadline = Instant::now() + time;
    let found = order_events::find(&context.connection, id, None, deadline).await;
    if !found.events.is_empty() {
        return Ok(());
    }
    let letters = context.letters().await?;
    if letters.iter().any(|letter| letter.order_id() == Some(id)) {
        return Ok(());
    }
    if found.not_read.is_empty() {
        return Err(unknown(id));
    }
    let error = format!(
        "no step has processed an order {id}, and it is not in what was read of the lanes in {} s: look whether \
         its id is right, and ask with \"seconds\":{ORDER_SECONDS_MAX}",
        time.as_secs()
    );
    Err(Refusal::not_found("order_id", error))
}
