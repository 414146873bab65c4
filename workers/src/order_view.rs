//! Order status and history, read from the rows that the steps wrote.

use std::collections::HashMap;
use std::time::SystemTime;

use orders::{
    BodyDigest, EventKind, NextAction, OrderId, OrderView, Reason, Status, StatusChange, Unanswered,
};
use streams::RequestStream;
use thiserror::Error;
use tokio_postgres::Row;
use tokio_postgres::types::Json;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::database::{Database, DatabaseError};
use crate::error_chain::error_chain;
use crate::order_rows::OrderRows;
use crate::queries::serve;
use crate::stage::StatusesFuture;
use crate::stages::STAGES;
use crate::step_input::{order_id, row_id};

/// An order has a row that this version cannot read, for example in a state that it does not know:
/// a newer version wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("cannot be read: {0}")]
pub struct UnreadableRow(String);

/// Serves order views.
pub(crate) async fn serve_status(
    requests: RequestStream,
    database: Database,
    shutdown: CancellationToken,
) {
    let query = async |ids: Vec<OrderId>| {
        let views = order_views(&database, &ids).await?;
        let answers = ids.iter().zip(views).map(|(id, view)| {
            view.map_err(|err| {
                tracing::warn!(order_id = %id, %err, "order not reported");
                Unanswered::Unreadable
            })
        });
        Ok(answers.collect())
    };
    serve(requests, &database, shutdown, query).await;
}

/// The view of each order: one entry for each id, in the same order; `None` for an order that no
/// step has processed. An order that is unreadable hides no other one.
pub async fn order_views(
    database: &Database,
    ids: &[OrderId],
) -> Result<Vec<Result<Option<OrderView>, UnreadableRow>>, DatabaseError> {
    let connection = database.connection().await?;
    let sql = format!("WITH ids AS (SELECT unnest($1::uuid[]) AS order_id) {}", select());
    let select = connection.prepare_cached(&sql).await?;
    let row_ids: Vec<Uuid> = ids.iter().map(|id| row_id(*id)).collect();
    let mut views = HashMap::new();
    for row in connection.query(&select, &[&row_ids]).await? {
        views.insert(row.try_get::<_, Uuid>("order_id")?, view(&row));
    }
    Ok(row_ids.iter().map(|id| views.get(id).cloned().unwrap_or(Ok(None))).collect())
}

/// The status of each order, as [`order_views`] reads it.
pub(crate) fn statuses<'a>(database: &'a Database, ids: &'a [OrderId]) -> StatusesFuture<'a> {
    Box::pin(async move {
        let views = order_views(database, ids).await?;
        Ok(views.into_iter().map(|view| Some(view.ok()??.status)).collect())
    })
}

/// A page of the views of all orders that any step has processed, sorted by id: up to `limit`
/// orders after `after`.
pub async fn page(
    database: &Database,
    after: Option<OrderId>,
    limit: i64,
) -> Result<Vec<(OrderId, Result<OrderView, UnreadableRow>)>, DatabaseError> {
    let connection = database.connection().await?;
    let ids: Vec<String> = order_rows()
        .map(|(_, OrderRows { view, .. })| {
            format!("(SELECT order_id FROM {view} WHERE order_id > $1 ORDER BY order_id LIMIT $2)")
        })
        .collect();
    let sql = format!(
        "WITH ids AS ({} ORDER BY order_id LIMIT $2) {} ORDER BY order_id",
        ids.join(" UNION "),
        select()
    );
    let select = connection.prepare_cached(&sql).await?;
    let after = after.map_or(Uuid::nil(), row_id);
    let mut page = Vec::new();
    for row in connection.query(&select, &[&after, &limit]).await? {
        let id = order_id(row.try_get("order_id")?);
        page.extend(view(&row).transpose().map(|view| (id, view)));
    }
    Ok(page)
}

/// The pools whose rows say something about orders, and their views.
pub(crate) fn order_rows() -> impl Iterator<Item = (&'static str, &'static OrderRows)> {
    STAGES.iter().filter_map(|stage| Some((stage.pool().as_str(), stage.order_rows()?)))
}

/// Selects the rows of all stages, for the orders of the preceding `WITH ids (order_id)`. The
/// columns are named `{pool}_{column}`.
fn select() -> String {
    let mut columns = Vec::new();
    let mut joins = Vec::new();
    for (pool, rows) in order_rows() {
        let reason = rows.has_reason.then_some("reason");
        let digest = rows.has_digest.then_some("digest");
        let next_action = rows.has_next_action.then_some("next_action");
        let optional = reason.into_iter().chain(digest).chain(next_action);
        let names = rows.time_columns().into_iter().chain(["state"]).chain(optional);
        columns.extend(names.map(|column| format!(", {pool}.{column} AS {pool}_{column}")));
        joins.push(format!(" LEFT JOIN {} AS {pool} USING (order_id)", rows.view));
    }
    format!("SELECT ids.order_id{} FROM ids{}", columns.concat(), joins.concat())
}

/// An event that happened to an order, and its time.
type DatedEvent = (EventKind, SystemTime);

fn view(row: &Row) -> Result<Option<OrderView>, UnreadableRow> {
    read_view(row).map_err(|err| UnreadableRow(error_chain(&err)))
}

/// Replays the events that the rows record, in the order of the lifecycle.
fn read_view(row: &Row) -> Result<Option<OrderView>, DatabaseError> {
    let mut events: Vec<DatedEvent> = Vec::new();
    let mut reason: Option<Reason> = None;
    let mut body_digest: Option<BodyDigest> = None;
    let mut next_action: Option<NextAction> = None;
    for (pool, rows) in order_rows() {
        let name: Option<&str> = row.try_get(&*format!("{pool}_state"))?;
        let Some(name) = name else { continue };
        let state =
            rows.state(name).ok_or_else(|| DatabaseError::unknown_state(rows.view, name))?;
        for (kind, column) in state.events {
            let at: Option<SystemTime> = row.try_get(&*format!("{pool}_{column}"))?;
            events.extend(at.map(|at| (*kind, at)));
        }
        if rows.has_reason && reason.is_none() {
            let stored: Option<Json<Reason>> = row.try_get(&*format!("{pool}_reason"))?;
            reason = stored.map(|Json(reason)| reason);
        }
        if rows.has_next_action {
            let stored: Option<Json<NextAction>> = row.try_get(&*format!("{pool}_next_action"))?;
            next_action = stored.map(|Json(action)| action);
        }
        if rows.has_digest {
            let stored: Option<&[u8]> = row.try_get(&*format!("{pool}_digest"))?;
            body_digest =
                stored.and_then(|bytes| bytes.try_into().ok()).map(BodyDigest::from_bytes);
        }
    }
    if events.is_empty() {
        return Ok(None);
    }
    sort(&mut events);
    let (status, history) = replay(events);
    next_action = next_action.filter(|_| status == Status::RequiresAction);
    Ok(Some(OrderView { status, reason, history, body_digest, next_action }))
}

/// Sorts the events of one order as the lifecycle does.
fn sort(events: &mut Vec<DatedEvent>) {
    let time_of = |events: &[DatedEvent], wanted| {
        events.iter().find_map(|(kind, at)| (*kind == wanted).then_some(*at))
    };
    let is_withdrawn = time_of(events, EventKind::Withdrawn).is_some();
    if let Some(declined_at) = time_of(events, EventKind::Declined)
        && is_withdrawn
    {
        // No money was held, and refund reported that after the order was withdrawn.
        events.push((EventKind::Refunded, declined_at));
    }
    // An order can be withdrawn before it is reserved or charged, but no step is undone before it is
    // withdrawn.
    let is_undone = |kind| matches!(kind, EventKind::Refunded | EventKind::Cancelled);
    events.sort_by_key(|(kind, at)| {
        let may_come_in_any_order =
            is_withdrawn && *kind != EventKind::Created && !is_undone(*kind);
        if may_come_in_any_order {
            (EventKind::Reserved, Some(*at), *kind)
        } else {
            (*kind, None, *kind)
        }
    });
}

fn replay(events: Vec<DatedEvent>) -> (Status, Vec<StatusChange>) {
    let mut status = Status::Accepted;
    let mut history: Vec<StatusChange> = Vec::new();
    for (kind, at) in events {
        let next = status.after(kind);
        if next != status || history.is_empty() {
            history.push(StatusChange { status: next, at: at.into() });
        }
        status = next;
    }
    (status, history)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn sorted(events: &[(EventKind, u64)]) -> Vec<EventKind> {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let mut events = events.iter().map(|(kind, seconds)| (*kind, at(*seconds))).collect();
        sort(&mut events);
        events.into_iter().map(|(kind, _)| kind).collect()
    }

    #[test]
    fn the_events_of_an_order_are_sorted_by_the_lifecycle_and_not_by_clocks() {
        use EventKind::*;
        assert_eq!(
            sorted(&[(Fulfilled, 1), (Paid, 2), (Reserved, 3), (Created, 4)]),
            [Created, Reserved, Paid, Fulfilled]
        );
    }

    #[test]
    fn a_withdrawal_is_sorted_by_time_among_the_steps_that_it_may_overtake() {
        use EventKind::*;
        assert_eq!(
            sorted(&[
                (Created, 9),
                (Cancelled, 1),
                (Refunded, 2),
                (Paid, 5),
                (Withdrawn, 4),
                (Reserved, 3)
            ]),
            [Created, Reserved, Withdrawn, Paid, Refunded, Cancelled]
        );
    }

    #[test]
    fn an_order_that_was_declined_and_withdrawn_is_refunded_without_a_row_that_says_so() {
        use EventKind::*;
        assert_eq!(
            sorted(&[(Created, 1), (Reserved, 2), (Declined, 3), (Withdrawn, 4)]),
            [Created, Reserved, Declined, Withdrawn, Refunded]
        );
    }
}
