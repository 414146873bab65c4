//! Reserve: reserves the stock of all lines of each order, or of none.
//!
//! One transaction processes a whole set of orders. It locks their SKUs in SKU order, so that
//! workers do not deadlock, decides in memory, and writes one row for each order and one sum for
//! each SKU. A hot SKU that is on every order costs one update.

use std::collections::{BTreeSet, HashMap};
use std::time::SystemTime;

use deadpool_postgres::{Object, Transaction};
use orders::{Created, Event, EventBody, PlaceOrder, Rejection, TraceParent};
use streams::failpoint;
use tokio_postgres::types::Json;
use uuid::Uuid;

use super::decision::{self, Decision};
use super::locked_stock::LockedStock;
use super::order_contents;
use super::reservation::{COLUMNS, Reservation};
use crate::copies::Written;
use crate::database::{Database, DatabaseError};
use crate::step_input::{StepError, StepInput, StepOutcome};

/// Reserves each order, or rejects it, or finds the earlier decision.
pub async fn reserve(
    database: &Database,
    inputs: &[StepInput],
) -> Result<Vec<StepOutcome>, StepError> {
    let mut requests = Vec::with_capacity(inputs.len());
    let mut rejections = Vec::with_capacity(inputs.len());
    for input in inputs {
        match ReservationRequest::of(input) {
            Ok(request) => {
                requests.push(request);
                rejections.push(None);
            }
            Err(rejection) => rejections.push(Some(rejection)),
        }
    }
    let rows =
        database.with_retries(async |connection| decide_all(connection, &requests).await).await?;
    let mut requests = requests.iter();
    let outcome = |(input, rejection): (&StepInput, Option<StepOutcome>)| {
        rejection.or_else(|| requests.next().map(|request| outcome(input, request.created, &rows)))
    };
    Ok(inputs.iter().zip(rejections).filter_map(outcome).collect())
}

/// An order that requests stock.
struct ReservationRequest<'a> {
    id: Uuid,
    placed_at: SystemTime,
    created: &'a Created,
    written: Written,
    traceparent: Option<TraceParent>,
}

impl<'a> ReservationRequest<'a> {
    /// The request of an input; an error if it never is one.
    fn of(input: &'a StepInput) -> Result<Self, StepOutcome> {
        let EventBody::Created(created) = &input.event.body else {
            return Err(StepOutcome::reject("step `reserve` consumes only the event `created`"));
        };
        created.order.verify().map_err(|unsound| StepOutcome::reject(unsound.to_string()))?;
        let (id, written) = (input.row_id(), Written::by(input));
        let Event { at, traceparent, .. } = input.event;
        Ok(Self { id, placed_at: at.into(), created, written, traceparent })
    }
}

/// A reservation that is decided in this transaction.
struct NewReservation<'a> {
    request: &'a ReservationRequest<'a>,
    rejection: Option<Rejection>,
}

impl NewReservation<'_> {
    const fn order(&self) -> &PlaceOrder {
        &self.request.created.order
    }

    fn caller(&self) -> Option<&[u8]> {
        self.request.created.caller.as_ref().map(|caller| &caller.as_bytes()[..])
    }
}

/// The outcome of `input` that its order's row records. The same order may be in a set twice.
fn outcome(input: &StepInput, created: &Created, rows: &HashMap<Uuid, Reservation>) -> StepOutcome {
    let Some(row) = rows.get(&input.row_id()) else {
        return StepOutcome::reject("the order has no reservation row after its decision");
    };
    if row.digest.is_some_and(|digest| digest != created.digest) {
        // The first body that was committed wins. No row stores this one, so its event keeps its
        // own time.
        let body = EventBody::Conflicted { digest: created.digest };
        return StepOutcome::outcome(Event { body, ..input.event.clone() });
    }
    let body = decision::reserve_outcome(&row.decision, created);
    StepOutcome::outcome(row.event(row.decided_at, body)).unless_copy(input, Some(&row.written))
}

/// The rows of all orders, written now or earlier.
async fn decide_all(
    connection: &mut Object,
    requests: &[ReservationRequest<'_>],
) -> Result<HashMap<Uuid, Reservation>, DatabaseError> {
    let transaction = connection.transaction().await?;
    let mut stock = lock_stock(&transaction, requests).await?;
    let mut rows = existing(&transaction, requests).await?;
    // Replaced by the time of the database once the rows are written.
    let at = SystemTime::UNIX_EPOCH;
    let mut new = Vec::new();
    for request in requests {
        let row = rows.get(&request.id).map(|row| &row.decision);
        let Some(decision) = decision::reserve(row, &request.created.order, &mut stock) else {
            continue;
        };
        let rejection = match &decision {
            Decision::Rejected(reason) => Some(reason.clone()),
            _ => None,
        };
        let digest = Some(request.created.digest);
        let (id, written) = (request.id, request.written.clone());
        let traceparent = request.traceparent;
        rows.insert(id, Reservation { id, decision, digest, decided_at: at, written, traceparent });
        new.push(NewReservation { request, rejection });
    }
    if !new.is_empty() {
        let at = insert(&transaction, &new).await?;
        let orders = new.iter().map(|new| (new.request.id, new.order()));
        order_contents::insert(&transaction, orders).await?;
        for NewReservation { request, .. } in &new {
            rows.entry(request.id).and_modify(|row| row.decided_at = at);
        }
        subtract(&transaction, &stock).await?;
        transaction.commit().await?;
    }
    Ok(rows)
}

async fn lock_stock(
    transaction: &Transaction<'_>,
    requests: &[ReservationRequest<'_>],
) -> Result<LockedStock, DatabaseError> {
    let lines = requests.iter().flat_map(|order| &order.created.order.lines);
    let skus: BTreeSet<&str> = lines.map(|line| line.sku.as_str()).collect();
    let statement = transaction
        .prepare_cached(
            "SELECT sku, currency, unit_price, other_prices, on_hand FROM inventory.stock
             WHERE sku = ANY($1) ORDER BY sku FOR NO KEY UPDATE",
        )
        .await?;
    let skus: Vec<&str> = skus.into_iter().collect();
    LockedStock::read(&transaction.query(&statement, &[&skus]).await?)
}

async fn existing(
    transaction: &Transaction<'_>,
    requests: &[ReservationRequest<'_>],
) -> Result<HashMap<Uuid, Reservation>, DatabaseError> {
    failpoint!("forget_rows" => return Ok(HashMap::new()));
    let sql = format!("SELECT {COLUMNS} FROM inventory.reservations WHERE order_id = ANY($1)");
    let statement = transaction.prepare_cached(&sql).await?;
    let ids: Vec<Uuid> = requests.iter().map(|request| request.id).collect();
    let mut rows = HashMap::new();
    for row in transaction.query(&statement, &[&ids]).await? {
        let reservation = Reservation::read(&row)?;
        rows.insert(reservation.id, reservation);
    }
    Ok(rows)
}

/// Writes the rows. Returns their time, which is that of the database, since deadlines are counted
/// from it.
async fn insert(
    transaction: &Transaction<'_>,
    new: &[NewReservation<'_>],
) -> Result<SystemTime, DatabaseError> {
    let statement = transaction
        .prepare_cached(
            "INSERT INTO inventory.reservations (order_id, state, digest, caller, reference,
                 currency, total, lines, reason, placed_at, written_by, traceparent, decided_at)
             SELECT *, now() FROM unnest($1::uuid[], $2::text[], $3::bytea[], $4::bytea[],
                 $5::text[], $6::text[], $7::bigint[], $8::json[], $9::json[], $10::timestamptz[],
                 $11::text[], $12::text[])
             ON CONFLICT DO NOTHING RETURNING decided_at",
        )
        .await?;
    let written = transaction
        .query(
            &statement,
            &[
                &column(new, |new| new.request.id),
                &column(new, |new| new.rejection.as_ref().map_or("reserved", |_| "rejected")),
                &column(new, |new| &new.request.created.digest.as_bytes()[..]),
                &column(new, |new| new.caller()),
                &column(new, |new| new.order().reference.as_deref()),
                &column(new, |new| new.order().total.currency.as_str()),
                &column(new, |new| new.order().total.amount),
                &column(new, |new| Json(&new.order().lines)),
                &column(new, |new| new.rejection.as_ref().map(Json)),
                &column(new, |new| new.request.placed_at),
                &column(new, |new| new.request.written.by.as_deref()),
                &column(new, |new| new.request.traceparent.map(String::from)),
            ],
        )
        .await?;
    // Another worker inserted the same order, under other SKUs and so under other locks. Its row
    // decides.
    let is_complete = written.len() == new.len();
    failpoint!("forget_rows" => return Ok(crate::step_input::now()));
    match written.first() {
        Some(row) if is_complete => Ok(row.try_get(0)?),
        _ => Err(DatabaseError::LostRace),
    }
}

fn column<'a, T>(
    new: &'a [NewReservation<'a>],
    value: impl Fn(&'a NewReservation<'a>) -> T,
) -> Vec<T> {
    new.iter().map(value).collect()
}

async fn subtract(transaction: &Transaction<'_>, stock: &LockedStock) -> Result<(), DatabaseError> {
    let (skus, quantities) = stock.reserved();
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
