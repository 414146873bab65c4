//! Refund: makes sure that no money is held for an order that will not be shipped.
//!
//! An intent that has not succeeded is cancelled, so that it never will; one that has is refunded.

use std::collections::{BTreeMap, HashMap};

use deadpool_postgres::Object;
use orders::{Event, EventBody};
use streams::{DeliveryHistory, Step};
use uuid::Uuid;

use super::provider::{Provider, Status};
use super::row::{self, Payment, Rows, State};
use super::{Failed, Payments, call_each, call_key};
use crate::crash::{Stop, stop_at};
use crate::database::DatabaseError;
use crate::task::{StepError, StepInput, StepOutcome, now, order_id};

pub(super) async fn refund(
    payments: &Payments,
    tasks: &[StepInput],
) -> Result<Vec<StepOutcome>, StepError> {
    let trails: BTreeMap<Uuid, &DeliveryHistory> =
        tasks.iter().map(|task| (task.row_id(), &task.history)).collect();
    let ids: Vec<Uuid> = trails.keys().copied().collect();
    let database = &payments.database;
    database.settled(async |connection| bar(connection, &ids).await).await?;
    let rows = database.settled(async |connection| row::read(connection, &ids).await).await?;

    let held: Vec<&Payment> = rows.values().filter(|row| row.may_hold_money()).collect();
    let calls = call_each(&held, async |row| undo(payments, row, trails[&row.id]).await);
    let mut failures = HashMap::new();
    let (mut undone, mut states) = (Vec::new(), Vec::new());
    for (row, call) in held.iter().zip(calls.await) {
        match call {
            Ok(state) => {
                undone.push(row.id);
                states.push(state);
            }
            Err(failed) => drop(failures.insert(row.id, failed)),
        }
    }
    stop_at(Step::Refund, Stop::Undone);
    database.settled(async |connection| keep(connection, &undone, &states).await).await?;
    let rows = database.settled(async |connection| row::read(connection, &ids).await).await?;
    Ok(tasks.iter().map(|task| verdict(task, &rows, &mut failures)).collect())
}

fn verdict(task: &StepInput, rows: &Rows, failures: &mut HashMap<Uuid, Failed>) -> StepOutcome {
    let EventBody::Withdrawn { reason } = &task.event.body else {
        return StepOutcome::Reject("refund takes the event withdrawn only".to_owned());
    };
    let Some(row) = rows.get(&task.row_id()) else {
        return StepOutcome::Retry("the payment has no row yet".to_owned());
    };
    let (at, amount) = match row.state {
        State::Refunded => (row.refunded_at, row.amount),
        State::Barred => (row.refunded_at, None),
        State::Declined => (row.decided_at, None),
        State::Pending | State::Paid => (None, None),
    };
    match (at, failures.remove(&row.id)) {
        (Some(at), _) => {
            let body = EventBody::Refunded { amount, reason: reason.clone() };
            StepOutcome::outcome(Event { order_id: task.order_id(), at: at.into(), body })
        }
        (None, Some(failed)) => failed.into(),
        (None, None) => StepOutcome::Retry("the refund is not decided yet".to_owned()),
    }
}

impl Payment {
    /// Whether the provider has taken money for the order, or still could.
    fn may_hold_money(&self) -> bool {
        matches!(self.state, State::Pending | State::Paid) && self.intent.is_some()
    }
}

/// Cancels the intent, or refunds it if it has succeeded. Gives the row's new state.
async fn undo(
    payments: &Payments,
    row: &Payment,
    history: &DeliveryHistory,
) -> Result<&'static str, Failed> {
    let intent = row.intent.as_deref().unwrap_or_default();
    let key = |call: &str| call_key(order_id(row.id), call, history);
    if row.state == State::Pending {
        let key = key("cancel");
        let cancel = async |provider: &Provider| provider.cancel(intent, &key).await;
        match payments.provider.call(cancel).await? {
            Status::Canceled => return Ok("barred"),
            Status::Succeeded => {}
            // It may succeed yet: nothing can be said about the money.
            status => return Err(Failed::Later(format!("the payment intent is {status:?}"))),
        }
    }
    let key = key("refund");
    payments.provider.call(async |provider| provider.refund(intent, &key).await).await?;
    Ok("refunded")
}

/// Bars the orders that have no row yet: no charge will begin.
async fn bar(connection: &Object, ids: &[Uuid]) -> Result<(), DatabaseError> {
    let bar = connection
        .prepare_cached(
            "INSERT INTO payment.payments (order_id, state, refunded_at)
             SELECT id, 'barred', $2 FROM unnest($1::uuid[]) AS id ON CONFLICT DO NOTHING",
        )
        .await?;
    connection.execute(&bar, &[&ids, &now()]).await?;
    Ok(())
}

async fn keep(connection: &Object, ids: &[Uuid], states: &[&str]) -> Result<(), DatabaseError> {
    // A charge that was confirmed at the same moment may have written `paid` meanwhile.
    let update = connection
        .prepare_cached(
            "UPDATE payment.payments AS payments
             SET state = new.state, refunded_at = $3,
                 decided_at = CASE new.state WHEN 'refunded' THEN coalesce(decided_at, $3) END
             FROM unnest($1::uuid[], $2::text[]) AS new (id, state)
             WHERE payments.order_id = new.id AND payments.state IN ('pending', 'paid')",
        )
        .await?;
    connection.execute(&update, &[&ids, &states, &now()]).await?;
    Ok(())
}
