//! Release: gives the stock of an order back, once payment has said that no money is held.

use std::collections::{BTreeMap, HashMap};
use std::time::SystemTime;

use deadpool_postgres::{Object, Transaction};
use orders::{CancelReason, EventBody, OrderLine};
use tokio_postgres::types::Json;
use uuid::Uuid;

use super::reservation::{COLUMNS, Decision, Reservation, sums};
use crate::database::{Database, DatabaseError};
use crate::task::{StepError, StepInput, StepOutcome, now};

/// Releases each order, or finds that it was released before. An order that never came here is
/// barred, so that it is not reserved when it comes: it has come to its end.
pub async fn release(
    database: &Database,
    tasks: &[StepInput],
) -> Result<Vec<StepOutcome>, StepError> {
    let mut reasons = Reasons::new();
    for task in tasks {
        if let Some(reason) = reason(&task.event.body) {
            reasons.entry(task.row_id()).or_insert(reason);
        }
    }
    let rows = database.settled(async |connection| release_all(connection, &reasons).await).await?;
    let told = |task: &StepInput| rows.get(&task.row_id()).and_then(Reservation::cancelled);
    Ok(tasks.iter().map(|task| StepOutcome::Completed(told(task).into_iter().collect())).collect())
}

type Reasons = BTreeMap<Uuid, CancelReason>;

fn reason(body: &EventBody) -> Option<CancelReason> {
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
    reasons: &Reasons,
) -> Result<HashMap<Uuid, Reservation>, DatabaseError> {
    let transaction = connection.transaction().await?;
    let at = now();
    let (mut rows, lines) = lock(&transaction, reasons).await?;
    let missing = |id: &Uuid| !rows.contains_key(id);
    let barred: Vec<_> = reasons.iter().filter(|(id, _)| missing(id)).collect();
    bar(&transaction, &barred, at).await?;
    rows.extend(barred.into_iter().map(|(id, reason)| (*id, Reservation::barred(*id, reason, at))));

    let mut released = Vec::new();
    for row in rows.values_mut().filter(|row| row.decision == Decision::Reserved) {
        let reason = reasons[&row.id].clone();
        released.push((row.id, reason.clone()));
        row.decision = Decision::Released(reason, at);
    }
    mark(&transaction, &released, at).await?;
    add(&transaction, sums(released.iter().flat_map(|(id, _)| &lines[id]))).await?;
    transaction.commit().await?;
    Ok(rows)
}

type Locked = (HashMap<Uuid, Reservation>, HashMap<Uuid, Vec<OrderLine>>);

async fn lock(transaction: &Transaction<'_>, reasons: &Reasons) -> Result<Locked, DatabaseError> {
    let sql = format!(
        "SELECT {COLUMNS}, lines FROM inventory.reservations
         WHERE order_id = ANY($1) ORDER BY order_id FOR NO KEY UPDATE"
    );
    let statement = transaction.prepare_cached(&sql).await?;
    let ids: Vec<Uuid> = reasons.keys().copied().collect();
    let (mut rows, mut lines) = (HashMap::new(), HashMap::new());
    for row in transaction.query(&statement, &[&ids]).await? {
        let reservation = Reservation::read(&row)?;
        let held: Option<Json<Vec<OrderLine>>> = row.try_get("lines")?;
        lines.insert(reservation.id, held.map_or_else(Vec::new, |Json(lines)| lines));
        rows.insert(reservation.id, reservation);
    }
    Ok((rows, lines))
}

/// Leaves a row for orders that have none yet, which forbids that they are reserved.
async fn bar(
    transaction: &Transaction<'_>,
    barred: &[(&Uuid, &CancelReason)],
    at: SystemTime,
) -> Result<(), DatabaseError> {
    if barred.is_empty() {
        return Ok(());
    }
    let statement = transaction
        .prepare_cached(
            "INSERT INTO inventory.reservations (order_id, state, reason, decided_at)
             SELECT id, 'barred', reason, $3 FROM unnest($1::uuid[], $2::json[]) AS new (id, reason)
             ON CONFLICT DO NOTHING",
        )
        .await?;
    let (ids, reasons): (Vec<&Uuid>, Vec<Json<&CancelReason>>) =
        barred.iter().map(|(id, reason)| (*id, Json(*reason))).unzip();
    let written = transaction.execute(&statement, &[&ids, &reasons, &at]).await?;
    if written == barred.len() as u64 { Ok(()) } else { Err(DatabaseError::Overtaken) }
}

async fn mark(
    transaction: &Transaction<'_>,
    released: &[(Uuid, CancelReason)],
    at: SystemTime,
) -> Result<(), DatabaseError> {
    let statement = transaction
        .prepare_cached(
            "UPDATE inventory.reservations AS reservations
             SET state = 'released', reason = released.reason, released_at = $3
             FROM unnest($1::uuid[], $2::json[]) AS released (order_id, reason)
             WHERE reservations.order_id = released.order_id",
        )
        .await?;
    let (ids, reasons): (Vec<Uuid>, Vec<Json<&CancelReason>>) =
        released.iter().map(|(id, reason)| (*id, Json(reason))).unzip();
    transaction.execute(&statement, &[&ids, &reasons, &at]).await?;
    Ok(())
}

/// Locks the SKUs in SKU order first, as reserving does.
async fn add(
    transaction: &Transaction<'_>,
    sums: BTreeMap<&str, i64>,
) -> Result<(), DatabaseError> {
    if sums.is_empty() {
        return Ok(());
    }
    let (skus, quantities): (Vec<&str>, Vec<i64>) = sums.into_iter().unzip();
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
