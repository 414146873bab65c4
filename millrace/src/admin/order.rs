//! The whole history of one order: what its rows say, its events with the places where they are stored, and its dead
//! letters.

use std::time::Duration;

use futures_util::future::join;
use orders::{OrderId, OrderView};
use serde_json::{Value, json};
use streams::dead_letter::StoredDeadLetter;
use streams::subjects;
use tokio::time::{Instant, timeout, timeout_at};
use workers::order_view::order_views;

use super::context::Context;
use super::members::Members;
use super::order_events;
use super::order_id::require_order_id;
use super::refusal::Refusal;
use crate::dead_letters::summary;
use crate::limits::{
    ORDER_EVENTS_MAX, ORDER_ROWS_TIMEOUT, ORDER_SECONDS_DEFAULT, ORDER_SECONDS_MAX,
};

/// Answers a request for one order, within a few seconds: it says what of the lanes and dead letters it has not read.
pub(super) async fn order(context: &Context, payload: &[u8]) -> Result<Value, Refusal> {
    let mut members = Members::parse(payload)?;
    let (id, time) = (require_order_id(&mut members)?, take_reading_time(&mut members)?);
    members.end()?;
    context.unless_stopping(history(context, id, time)).await
}

/// How long lanes and dead letters are read for an order.
pub(super) fn take_reading_time(members: &mut Members) -> Result<Duration, Refusal> {
    let seconds = members.number("seconds", 1..=ORDER_SECONDS_MAX)?;
    Ok(Duration::from_secs(seconds.unwrap_or(ORDER_SECONDS_DEFAULT)))
}

async fn history(context: &Context, id: OrderId, time: Duration) -> Result<Value, Refusal> {
    let view = view(context, id).await?;
    let deadline = Instant::now() + time;
    let events = order_events::find(&context.connection, id, view.as_ref(), deadline);
    let letters = timeout_at(deadline, context.letters());
    let (mut found, letters) = join(events, letters).await;
    let letters = match letters {
        Ok(Ok(letters)) => Some(letters_of(&letters, id)),
        not_read => {
            let error = not_read.ok().and_then(Result::err).map(|refusal| refusal.error);
            found.not_read.push(json!({"stream": subjects::DEAD_LETTERS, "error": error}));
            None
        }
    };
    let is_complete = found.not_read.is_empty();
    let has_letters = letters.as_ref().is_some_and(|letters| !letters.is_empty());
    if view.is_none() && found.events.is_empty() && !has_letters && is_complete {
        return Err(unknown(id));
    }
    Ok(json!({
        "order_id": id,
        "rows": view,
        "events": found.events,
        "dead_letters": letters,
        "messages_read": found.read,
        "complete": is_complete,
        "not_read": found.not_read,
    }))
}

fn letters_of(letters: &[StoredDeadLetter], id: OrderId) -> Vec<Value> {
    let letters = letters.iter().filter(|letter| letter.order_id() == Some(id));
    letters.take(ORDER_EVENTS_MAX).map(summary).collect()
}

/// What the rows say about an order, without what only its buyer may see; `None` if there are none.
pub(super) async fn view(context: &Context, id: OrderId) -> Result<Option<OrderView>, Refusal> {
    let what = "cannot read the rows of the order";
    let Ok(views) = timeout(ORDER_ROWS_TIMEOUT, order_views(&context.database, &[id])).await else {
        return Err(Refusal::unavailable(what, "the database does not answer"));
    };
    let views = views
        .map_err(|err| Refusal::unavailable(what, format!("{:#}", anyhow::Error::from(err))))?;
    let view = views.into_iter().next().transpose().map_err(|err| {
        Refusal::conflict(format!("the order {err}: a newer version has written it, ask that one"))
    })?;
    Ok(view.flatten().map(|view| OrderView { next_action: None, ..view }))
}

/// Neither rows nor lanes have anything of the order.
pub(super) fn unknown(id: OrderId) -> Refusal {
    let error =
        format!("there is no order {id}: look whether its id is right; its events may be purged");
    Refusal::not_found("order_id", error)
}
