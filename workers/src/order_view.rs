//! Order status and history, read from the rows that the steps wrote.

use std::collections::HashMap;
use std::time::SystemTime;

use orders::{
    CancelReason, EventKind, OrderId, OrderView, Reason, Rejection, Status, StatusChange,
};
use tokio_postgres::Row;
use tokio_postgres::types::Json;
use uuid::Uuid;

use crate::database::{Database, DatabaseError};
use crate::step_input::{order_id, row_id};

/// The rows of all steps, for the orders of the preceding `WITH ids (order_id)`.
const SELECT: &str = "
    SELECT ids.order_id,
        reservations.state AS reservation, reservations.placed_at,
        reservations.decided_at AS reserved_at, reservations.released_at,
        payments.state AS payment, payments.decided_at AS charged_at, payments.refunded_at,
        shipments.state AS shipment, shipments.decided_at AS shipped_at,
        coalesce(reservations.reason, shipments.reason) AS reason
    FROM ids
    LEFT JOIN inventory.reservations AS reservations USING (order_id)
    LEFT JOIN payment.payments AS payments USING (order_id)
    LEFT JOIN fulfilment.shipments AS shipments USING (order_id)";

/// The view of each order: one entry for each id, in the same order; `None` for an order that no
/// step has processed.
pub async fn order_views(
    database: &Database,
    ids: &[OrderId],
) -> Result<Vec<Option<OrderView>>, DatabaseError> {
    let connection = database.connection().await?;
    let sql = format!("WITH ids AS (SELECT unnest($1::uuid[]) AS order_id) {SELECT}");
    let select = connection.prepare_cached(&sql).await?;
    let row_ids: Vec<Uuid> = ids.iter().map(|id| row_id(*id)).collect();
    let mut views = HashMap::new();
    for row in connection.query(&select, &[&row_ids]).await? {
        views.insert(row.try_get::<_, Uuid>("order_id")?, view(&row)?);
    }
    Ok(row_ids.iter().map(|id| views.get(id).cloned().flatten()).collect())
}

/// A page of the views of all orders that any step has processed, sorted by id: up to `limit`
/// orders after `after`.
pub async fn page(
    database: &Database,
    after: Option<OrderId>,
    limit: i64,
) -> Result<Vec<(OrderId, OrderView)>, DatabaseError> {
    let connection = database.connection().await?;
    let sql = format!(
        "WITH ids AS (
             (SELECT order_id FROM inventory.reservations WHERE order_id > $1
                 ORDER BY order_id LIMIT $2)
             UNION (SELECT order_id FROM payment.payments WHERE order_id > $1
                 ORDER BY order_id LIMIT $2)
             UNION (SELECT order_id FROM fulfilment.shipments WHERE order_id > $1
                 ORDER BY order_id LIMIT $2)
             ORDER BY order_id LIMIT $2)
         {SELECT} ORDER BY order_id"
    );
    let select = connection.prepare_cached(&sql).await?;
    let after = after.map_or(Uuid::nil(), row_id);
    let mut page = Vec::new();
    for row in connection.query(&select, &[&after, &limit]).await? {
        let id = order_id(row.try_get("order_id")?);
        page.extend(view(&row)?.map(|view| (id, view)));
    }
    Ok(page)
}

/// Replays the events that the rows record, in the order of the lifecycle.
fn view(row: &Row) -> Result<Option<OrderView>, DatabaseError> {
    let text = |column| row.try_get::<_, Option<&str>>(column).map(Option::unwrap_or_default);
    let time = |column| row.try_get::<_, Option<SystemTime>>(column);
    let (reservation, payment, shipment) =
        (text("reservation")?, text("payment")?, text("shipment")?);
    if [reservation, payment, shipment].iter().all(|state| state.is_empty()) {
        return Ok(None);
    }
    let reserved = match reservation {
        "reserved" | "released" => Some(EventKind::Reserved),
        "rejected" => Some(EventKind::Rejected),
        _ => None,
    };
    let charged = match payment {
        "paid" | "refunded" => Some(EventKind::Paid),
        "declined" => Some(EventKind::Declined),
        _ => None,
    };
    let shipped = match shipment {
        "shipped" => Some(EventKind::Fulfilled),
        "withdrawn" => Some(EventKind::Withdrawn),
        _ => None,
    };
    let refunded = match (payment, shipment) {
        ("refunded" | "barred", _) => Some((EventKind::Refunded, time("refunded_at")?)),
        // No money was held, and refund reported that after the order was withdrawn.
        ("declined", "withdrawn") => Some((EventKind::Refunded, time("charged_at")?)),
        _ => None,
    };
    let released = match reservation {
        "released" => Some((EventKind::Cancelled, time("released_at")?)),
        "barred" => Some((EventKind::Cancelled, time("reserved_at")?)),
        _ => None,
    };
    let mut events = [
        (Some(EventKind::Created), time("placed_at")?),
        (reserved, time("reserved_at")?),
        (charged, time("charged_at")?),
        (shipped, time("shipped_at")?),
        (refunded.map(|(kind, _)| kind), refunded.and_then(|(_, at)| at)),
        (released.map(|(kind, _)| kind), released.and_then(|(_, at)| at)),
    ];
    // An order can be withdrawn before it is reserved or charged, but no step is undone before it
    // is withdrawn.
    if shipped == Some(EventKind::Withdrawn) {
        events[1..4].sort_by_key(|(_, at)| *at);
    }
    let (status, history) = replay(events);
    Ok(Some(OrderView { status, reason: reason(row, reservation)?, history }))
}

fn replay(
    events: impl IntoIterator<Item = (Option<EventKind>, Option<SystemTime>)>,
) -> (Status, Vec<StatusChange>) {
    let mut status = Status::Accepted;
    let mut history: Vec<StatusChange> = Vec::new();
    for (kind, at) in events {
        let Some((kind, at)) = kind.zip(at) else { continue };
        let next = status.after(kind);
        if next != status || history.is_empty() {
            history.push(StatusChange { status: next, at: at.into() });
        }
        status = next;
    }
    (status, history)
}

fn reason(row: &Row, reservation: &str) -> Result<Option<Reason>, DatabaseError> {
    Ok(if reservation == "rejected" {
        Some(Reason::Rejected(row.try_get::<_, Json<Rejection>>("reason")?.0))
    } else {
        let reason: Option<Json<CancelReason>> = row.try_get("reason")?;
        reason.map(|Json(reason)| Reason::Cancelled(reason))
    })
}
