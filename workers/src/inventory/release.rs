//! Compensation of reserve: returns the stock once payment has confirmed that no money is held.

use std::collections::{BTreeMap, HashMap};
use std::time::SystemTime;

use deadpool_postgres::{Object, Transaction};
use orders::{CancelReason, EventBody, OrderLine};
use tokio_postgres::types::Json;
use uuid::Uuid;

use super::decision::{self, Decision};
use super::locked_stock::quantity_by_sku;
use super::reservation::{COLUMNS, Reservation};
use crate::copies::Written;
use crate::database::{Database, DatabaseError};
use crate::step_input::{StepError, StepInput, StepOutcome};

/// Releases each order, or finds that it was released earlier. An order that inventory has not
/// processed yet is voided, so that it is not reserved later: it is cancelled already.
pub async fn release(
    database: &Database,
    inputs: &[StepInput],
) -> Result<Vec<StepOutcome>, StepError> {
    let mut requests = Requests::new();
    for input in inputs {
        if let Some(reason) = reason(&input.event.body) {
            let request = Request { reason, written: Written::by(input) };
            requests.entry(input.row_id()).or_insert(request);
        }
    }
    let rows =
        database.with_retries(async |connection| release_all(connection, &requests).await).await?;
    let outcome = |input: &StepInput| {
        let row = rows.get(&input.row_id());
        let cancelled = row.and_then(Reservation::cancelled);
        StepOutcome::Completed(cancelled.into_iter().collect())
            .unless_copy(input, row.map(|row| &row.written))
    };
    Ok(inputs.iter().map(outcome).collect())
}

type Requests = BTreeMap<Uuid, Request>;

/// A request to release an order.
struct Request {
    reason: CancelReason,
    written: Written,
}

/// Why the order of an event is cancelled.
pub(super) fn reason(body: &EventBody) -> Option<CancelReason> {
    match body {
        EventBody::Declined { decline_code } => {
            Some(CancelReason::PaymentDeclined { decline_code: decline_code.clone() })
        }
        EventBody::Refunded { reason, .. } => Some(reason.clone()),
        _ => None,
    }
}

async fn release_all(
    connection: &mut Object,
    requests: &Requests,
) -> Result<HashMap<Uuid, Reservation>, DatabaseError> {
    let transaction = connection.transaction().await?;
    let at: SystemTime =
        transaction.query_one("SELECT now()::timestamptz(3)", &[]).await?.try_get(0)?;
    let (mut rows, lines) = lock(&transaction, requests).await?;
    let (mut voided, mut released) = (Vec::new(), Vec::new());
    for (id, request) in requests {
        let row = rows.get(id).map(|row| &row.decision);
        let Some(decision) = decision::release(row, &request.reason, at) else { continue };
        match decision {
            Decision::Released(..) => released.push((id, request)),
            _ => voided.push((id, request)),
        }
        let (id, written) = (*id, request.written.clone());
        let new =
            Reservation { id, decision, digest: None, decided_at: at, written, traceparent: None };
        match rows.get_mut(&id) {
            Some(row) => (row.decision, row.written) = (new.decision, new.written),
            None => drop(rows.insert(id, new)),
        }
    }
    void(&transaction, &voided, at).await?;
    mark_released(&transaction, &released, at).await?;
    let quantities = quantity_by_sku(released.iter().flat_map(|(id, _)| &lines[*id]));
    restock(&transaction, quantities).await?;
    transaction.commit().await?;
    Ok(rows)
}

/// The locked rows, and the lines of each order.
type LockedReservations = (HashMap<Uuid, Reservation>, HashMap<Uuid, Vec<OrderLine>>);

async fn lock(
    transaction: &Transaction<'_>,
    requests: &Requests,
) -> Result<LockedReservations, DatabaseError> {
    let sql = format!(
        "SELECT {COLUMNS}, lines FROM inventory.reservations
         WHERE order_id = ANY($1) ORDER BY order_id FOR NO KEY UPDATE"
    );
    let statement = transaction.prepare_cached(&sql).await?;
    let ids: Vec<Uuid> = requests.keys().copied().collect();
    let mut rows = HashMap::new();
    let mut lines = HashMap::new();
    for row in transaction.query(&statement, &[&ids]).await? {
        let reservation = Reservation::read(&row)?;
        let stored: Option<Json<Vec<OrderLine>>> = row.try_get("lines")?;
        lines.insert(reservation.id, stored.map_or_else(Vec::new, |Json(lines)| lines));
        rows.insert(reservation.id, reservation);
    }
    Ok((rows, lines))
}

/// Writes a tombstone for orders that have no row yet, which prevents their reservation.
async fn void(
    transaction: &Transaction<'_>,
    voided: &[(&Uuid, &Request)],
    at: SystemTime,
) -> Result<(), DatabaseError> {
    if voided.is_empty() {
        return Ok(());
    }
    let statement = transaction
        .prepare_cached(
            "INSERT INTO inventory.reservations (order_id, state, reason, decided_at, written_by)
             SELECT id, 'barred', reason, $4, written_by
             FROM unnest($1::uuid[], $2::json[], $3::text[]) AS new (id, reason, written_by)
             ON CONFLICT DO NOTHING",
        )
        .await?;
    let Columns { ids, reasons, writers } = columns(voided);
    let written = transaction.execute(&statement, &[&ids, &reasons, &writers, &at]).await?;
    if written == voided.len() as u64 { Ok(()) } else { Err(DatabaseError::LostRace) }
}

async fn mark_released(
    transaction: &Transaction<'_>,
    released: &[(&Uuid, &Request)],
    at: SystemTime,
) -> Result<(), DatabaseError> {
    let statement = transaction
        .prepare_cached(
            "UPDATE inventory.reservations AS reservations
             SET state = 'released', reason = released.reason, released_at = $4,
                 written_by = released.written_by
             FROM unnest($1::uuid[], $2::json[], $3::text[])
                 AS released (order_id, reason, written_by)
             WHERE reservations.order_id = released.order_id",
        )
        .await?;
    let Columns { ids, reasons, writers } = columns(released);
    transaction.execute(&statement, &[&ids, &reasons, &writers, &at]).await?;
    Ok(())
}

/// What is written for each request.
struct Columns<'a> {
    ids: Vec<&'a Uuid>,
    reasons: Vec<Json<&'a CancelReason>>,
    writers: Vec<Option<&'a str>>,
}

fn columns<'a>(requests: &[(&'a Uuid, &'a Request)]) -> Columns<'a> {
    let requests = requests.iter();
    Columns {
        ids: requests.clone().map(|(id, _)| *id).collect(),
        reasons: requests.clone().map(|(_, request)| Json(&request.reason)).collect(),
        writers: requests.map(|(_, request)| request.written.by.as_deref()).collect(),
    }
}

/// Returns quantities to the stock. Locks the SKUs in SKU order first, as `reserve` does.
async fn restock(
    transaction: &Transaction<'_>,
    quantities: BTreeMap<&str, i64>,
) -> Result<(), DatabaseError> {
    if quantities.is_empty() {
        return Ok(());
    }
    let (skus, quantities): (Vec<&str>, Vec<i64>) = quantities.into_iter().unzip();
    let lock = transaction
        .prepare_cached(
            "SELECT 1 FROM inventory.stock WHERE sku = ANY($1) ORDER BY sku FOR NO KEY UPDATE",
        )
        .await?;
    transaction.query(&lock, &[&skus]).await?;
    let statement = transaction
        .prepare_cached(
            "UPDATE inventory.stock AS stock
             SET on_hand = stock.on_hand + given.quantity, version = stock.version + 1
             FROM unnest($1::text[], $2::bigint[]) AS given (sku, quantity)
             WHERE stock.sku = given.sku",
        )
        .await?;
    transaction.execute(&statement, &[&skus, &quantities]).await?;
    Ok(())
}
