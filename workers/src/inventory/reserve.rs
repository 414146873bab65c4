//! Reserve: holds the stock of all lines of each order, or of none.
//!
//! One transaction takes a whole set of orders: it locks their SKUs in SKU order, so that no two
//! workers wait for each other, decides in memory, and writes a row for each order and a sum for
//! each SKU. A SKU that stands on every order costs one update.

use std::collections::{BTreeSet, HashMap};
use std::time::SystemTime;

use deadpool_postgres::{Object, Transaction};
use orders::{Created, Event, EventBody, PlaceOrder, Rejection};
use streams::Sabotage;
use tokio_postgres::types::Json;
use uuid::Uuid;

use super::decide::Shelf;
use super::reservation::{COLUMNS, Decision, Reservation};
use crate::database::{Database, DatabaseError};
use crate::task::{StepError, StepInput, StepOutcome, now};

/// Reserves each order, or rejects it, or finds what was decided before.
pub async fn reserve(
    database: &Database,
    tasks: &[StepInput],
) -> Result<Vec<StepOutcome>, StepError> {
    let asked: Vec<PullRequest<'_>> = tasks.iter().filter_map(PullRequest::of).collect();
    let rows = database.settled(async |connection| decide_all(connection, &asked).await).await?;
    Ok(tasks.iter().map(|task| verdict(task, &rows)).collect())
}

/// An order that asks for stock.
struct PullRequest<'a> {
    id: Uuid,
    placed_at: SystemTime,
    created: &'a Created,
}

impl<'a> PullRequest<'a> {
    fn of(task: &'a StepInput) -> Option<Self> {
        let EventBody::Created(created) = &task.event.body else { return None };
        Some(Self { id: task.row_id(), placed_at: task.event.at.into(), created })
    }
}

/// An order that is decided here and now.
struct New<'a> {
    asked: &'a PullRequest<'a>,
    rejection: Option<Rejection>,
}

impl New<'_> {
    const fn order(&self) -> &PlaceOrder {
        &self.asked.created.order
    }
}

/// The outcome of `task` as its order's row tells it. The same order may stand in a set twice.
fn verdict(task: &StepInput, rows: &HashMap<Uuid, Reservation>) -> StepOutcome {
    let EventBody::Created(created) = &task.event.body else {
        return StepOutcome::Reject("reserve takes the event created only".to_owned());
    };
    let Some(row) = rows.get(&task.row_id()) else {
        return StepOutcome::Reject("the order has no row after its decision".to_owned());
    };
    if row.digest.is_some_and(|digest| digest != created.digest) {
        // The body that was committed first stands. Nothing keeps this one, so its time is its own.
        let body = EventBody::Conflicted { digest: created.digest };
        return StepOutcome::outcome(Event { body, ..task.event.clone() });
    }
    let body = match &row.decision {
        // An order that was reserved stays told as reserved: what came later tells itself.
        Decision::Reserved | Decision::Released(..) => EventBody::Reserved {
            amount: created.order.total,
            payment_token: created.order.payment_token.clone(),
        },
        Decision::Rejected(reason) => EventBody::Rejected { reason: reason.clone() },
        Decision::Barred(_) => {
            return StepOutcome::Completed(row.cancelled().into_iter().collect());
        }
    };
    let at = row.decided_at.into();
    StepOutcome::outcome(Event { order_id: task.order_id(), at, body })
}

/// The rows of all orders, written now or before.
async fn decide_all(
    connection: &mut Object,
    asked: &[PullRequest<'_>],
) -> Result<HashMap<Uuid, Reservation>, DatabaseError> {
    let transaction = connection.transaction().await?;
    let mut shelf = lock(&transaction, asked).await?;
    let mut rows = existing(&transaction, asked).await?;
    let at = now();
    let mut new = Vec::new();
    for asked in asked {
        if rows.contains_key(&asked.id) {
            continue;
        }
        let rejection = shelf.take(&asked.created.order).err();
        let decision = rejection.clone().map_or(Decision::Reserved, Decision::Rejected);
        let digest = Some(asked.created.digest);
        rows.insert(asked.id, Reservation { id: asked.id, decision, digest, decided_at: at });
        new.push(New { asked, rejection });
    }
    if !new.is_empty() {
        insert(&transaction, &new, at).await?;
        subtract(&transaction, &shelf).await?;
        transaction.commit().await?;
    }
    Ok(rows)
}

async fn lock(
    transaction: &Transaction<'_>,
    asked: &[PullRequest<'_>],
) -> Result<Shelf, DatabaseError> {
    let lines = asked.iter().flat_map(|order| &order.created.order.lines);
    let skus: BTreeSet<&str> = lines.map(|line| line.sku.as_str()).collect();
    let statement = transaction
        .prepare_cached(
            "SELECT sku, currency, unit_price, other_prices, on_hand FROM inventory.stock
             WHERE sku = ANY($1) ORDER BY sku FOR NO KEY UPDATE",
        )
        .await?;
    let skus: Vec<&str> = skus.into_iter().collect();
    Shelf::read(&transaction.query(&statement, &[&skus]).await?)
}

async fn existing(
    transaction: &Transaction<'_>,
    asked: &[PullRequest<'_>],
) -> Result<HashMap<Uuid, Reservation>, DatabaseError> {
    if Sabotage::NoLedgerCheck.is_on() {
        return Ok(HashMap::new());
    }
    let sql = format!("SELECT {COLUMNS} FROM inventory.reservations WHERE order_id = ANY($1)");
    let statement = transaction.prepare_cached(&sql).await?;
    let ids: Vec<Uuid> = asked.iter().map(|order| order.id).collect();
    let mut rows = HashMap::new();
    for row in transaction.query(&statement, &[&ids]).await? {
        let reservation = Reservation::read(&row)?;
        rows.insert(reservation.id, reservation);
    }
    Ok(rows)
}

async fn insert(
    transaction: &Transaction<'_>,
    new: &[New<'_>],
    at: SystemTime,
) -> Result<(), DatabaseError> {
    let statement = transaction
        .prepare_cached(
            "INSERT INTO inventory.reservations (order_id, state, digest, customer_id, reference,
                 currency, total, lines, reason, placed_at, decided_at)
             SELECT *, $11::timestamptz FROM unnest($1::uuid[], $2::text[], $3::bytea[], $4::text[],
                 $5::text[], $6::text[], $7::bigint[], $8::json[], $9::json[], $10::timestamptz[])
             ON CONFLICT DO NOTHING",
        )
        .await?;
    let written = transaction
        .execute(
            &statement,
            &[
                &column(new, |new| new.asked.id),
                &column(new, |new| new.rejection.as_ref().map_or("reserved", |_| "rejected")),
                &column(new, |new| &new.asked.created.digest.as_bytes()[..]),
                &column(new, |new| new.order().customer_id.as_deref()),
                &column(new, |new| new.order().reference.as_deref()),
                &column(new, |new| new.order().total.currency.as_str()),
                &column(new, |new| new.order().total.amount),
                &column(new, |new| Json(&new.order().lines)),
                &column(new, |new| new.rejection.as_ref().map(Json)),
                &column(new, |new| new.asked.placed_at),
                &at,
            ],
        )
        .await?;
    // Another worker has the same order under other SKUs: its row decides.
    let all_new = written == new.len() as u64 || Sabotage::NoLedgerCheck.is_on();
    if all_new { Ok(()) } else { Err(DatabaseError::Overtaken) }
}

fn column<'a, T>(new: &'a [New<'a>], value: impl Fn(&'a New<'a>) -> T) -> Vec<T> {
    new.iter().map(value).collect()
}

async fn subtract(transaction: &Transaction<'_>, shelf: &Shelf) -> Result<(), DatabaseError> {
    let (skus, quantities) = shelf.taken();
    if skus.is_empty() {
        return Ok(());
    }
    let statement = transaction
        .prepare_cached(
            "UPDATE inventory.stock AS stock
             SET on_hand = stock.on_hand - taken.quantity, version = stock.version + 1
             FROM unnest($1::text[], $2::bigint[]) AS taken (sku, quantity)
             WHERE stock.sku = taken.sku",
        )
        .await?;
    transaction.execute(&statement, &[&skus, &quantities]).await?;
    Ok(())
}
