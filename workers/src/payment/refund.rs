//! Refund, the compensation of charge: no money is held for an order that will not be shipped.
//!
//! An intent that has not succeeded is cancelled, so that it never will; one that has succeeded is
//! refunded.

use std::collections::BTreeMap;
use std::time::Duration;

use deadpool_postgres::Object;
use orders::{Event, EventBody};
use streams::{DeliveryHistory, failpoint};
use uuid::Uuid;

use super::call_results::CallKind;
use super::cancel_intent::cancel_intent;
use super::charge::Failures;
use super::decision::{RefundCall, TOMBSTONE, after_cancel, after_refund, refund_call};
use super::payment_row::{self, Payment, Rows, State};
use super::payment_stage::PaymentStage;
use super::provider::Provider;
use super::provider_calls::{attempt_prefix, call_concurrently, call_past_failures};
use crate::copies::Written;
use crate::database::DatabaseError;
use crate::step_input::{StepError, StepInput, StepOutcome, order_id};

pub(super) async fn refund(
    stage: &PaymentStage,
    inputs: &[StepInput],
) -> Result<Vec<StepOutcome>, StepError> {
    let requests: Requests<'_> = inputs.iter().map(|input| (input.row_id(), input)).collect();
    let ids: Vec<Uuid> = requests.keys().copied().collect();
    let database = &stage.database;
    database.with_retries(async |connection| void(connection, &requests).await).await?;
    let rows =
        database.with_retries(async |connection| payment_row::read(connection, &ids).await).await?;

    let undoable: Vec<&Payment> = rows.values().filter(|row| refund_call(row).is_some()).collect();
    let mut failures = Failures::new();
    let mut undone = Vec::new();
    for (row, call) in undoable.iter().zip(undo_all(stage, &undoable, &requests).await?) {
        match call {
            Ok(new_state) => undone.push((requests[&row.id], new_state)),
            Err(failure) => drop(failures.insert(row.id, failure)),
        }
    }
    failpoint!("refund.undone");
    database.with_retries(async |connection| save(connection, &undone).await).await?;
    let rows =
        database.with_retries(async |connection| payment_row::read(connection, &ids).await).await?;
    let outcome = |input: &StepInput| {
        let row = rows.get(&input.row_id());
        outcome(input, &rows, &failures).unless_copy(input, row.and_then(Payment::end_written))
    };
    Ok(inputs.iter().map(outcome).collect())
}

/// The input for each order.
type Requests<'a> = BTreeMap<Uuid, &'a StepInput>;

/// What refund publishes for `input`, or what becomes of it.
pub(super) fn outcome(input: &StepInput, rows: &Rows, failures: &Failures) -> StepOutcome {
    if !matches!(input.event.body, EventBody::Withdrawn { .. }) {
        return StepOutcome::reject("step `refund` consumes only the event `withdrawn`");
    }
    let Some(row) = rows.get(&input.row_id()) else {
        return StepOutcome::Retry("the order has no payment row yet".to_owned());
    };
    // A copy of the event in the same set has the same failure.
    match (refunded_event(row, &input.event), failures.get(&row.id).cloned()) {
        (Some(event), _) => StepOutcome::outcome(event),
        (None, Some(failure)) => failure,
        (None, None) => StepOutcome::Retry("the refund is not decided yet".to_owned()),
    }
}

/// The event that ends the payment of an order that was withdrawn; `None` while money may be held for it.
pub(super) fn refunded_event(row: &Payment, withdrawn: &Event) -> Option<Event> {
    let EventBody::Withdrawn { reason } = &withdrawn.body else { return None };
    let (at, amount) = match row.state {
        State::Refunded => (row.refunded_at, row.amount),
        State::Voided => (row.refunded_at, None),
        State::Declined => (row.decided_at, None),
        State::Pending | State::RequiresAction | State::Paid => (None, None),
    };
    let body = EventBody::Refunded { amount, reason: reason.clone() };
    Some(Event { order_id: withdrawn.order_id, at: at?.into(), body, traceparent: None })
}

/// Undoes the payments of `rows`. Results are in their order.
async fn undo_all(
    stage: &PaymentStage,
    rows: &[&Payment],
    requests: &Requests<'_>,
) -> Result<Vec<Result<State, StepOutcome>>, StepError> {
    // Most orders that are withdrawn hold no money.
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let now = stage.database.time().await?;
    let calls = call_concurrently(rows, async |row| {
        let StepInput { event, history } = requests[&row.id];
        let waited = now.duration_since(event.at.into()).unwrap_or_default();
        undo(stage, row, history, waited).await
    });
    Ok(calls.await)
}

/// Cancels the intent, or refunds it if it has succeeded. Returns the row's new state. `waited` is the time
/// since the order was withdrawn.
async fn undo(
    stage: &PaymentStage,
    row: &Payment,
    history: &DeliveryHistory,
    waited: Duration,
) -> Result<State, StepOutcome> {
    let intent = row.intent.as_deref().unwrap_or_default();
    let (provider, order) = (&stage.provider, order_id(row.id));
    let prefix = |call: &str| attempt_prefix(order, call, history);
    let call = refund_call(row);
    if call == Some(RefundCall::Nothing) {
        return Ok(State::Refunded);
    }
    if call == Some(RefundCall::Cancel) {
        let prefix = prefix("cancel");
        let cancel = async |provider: &Provider| cancel_intent(provider, intent, &prefix).await;
        if let Some(state) =
            after_cancel(provider.call(CallKind::Cancel, order, cancel).await?, waited)?
        {
            return Ok(state);
        }
    }
    let prefix = prefix("refund");
    let amount = row.amount.map_or(0, |money| money.amount);
    let refund = async |provider: &Provider| {
        call_past_failures(&prefix, async |key| provider.refund(intent, amount, key).await).await.1
    };
    after_refund(provider.call(CallKind::Refund, order, refund).await?, waited)
}

/// Writes a tombstone for the orders that have no row yet, which prevents a charge.
async fn void(connection: &Object, requests: &Requests<'_>) -> Result<(), DatabaseError> {
    let insert = connection
        .prepare_cached(
            "INSERT INTO payment.payments (order_id, state, refunded_at, written_by)
             SELECT id, $3, now(), written_by FROM unnest($1::uuid[], $2::text[])
                 AS new (id, written_by)
             ON CONFLICT DO NOTHING",
        )
        .await?;
    let ids: Vec<&Uuid> = requests.keys().collect();
    let writers: Vec<_> = requests.values().map(|input| Written::by(input).by).collect();
    connection.execute(&insert, &[&ids, &writers, &TOMBSTONE.as_str()]).await?;
    Ok(())
}

/// Writes the new states.
async fn save(connection: &Object, undone: &[(&StepInput, State)]) -> Result<(), DatabaseError> {
    // A charge that is confirmed concurrently may have written `paid` since the row was read.
    let update = connection
        .prepare_cached(
            "UPDATE payment.payments AS payments
             SET state = new.state, refunded_at = now(), next_action = NULL,
                 written_by = new.written_by,
                 decided_at = CASE new.state WHEN 'refunded' THEN coalesce(decided_at, now()) END
             FROM unnest($1::uuid[], $2::text[], $3::text[]) AS new (id, state, written_by)
             WHERE payments.order_id = new.id AND payments.state = ANY($4::text[])",
        )
        .await?;
    let ids: Vec<Uuid> = undone.iter().map(|(input, _)| input.row_id()).collect();
    let states: Vec<&str> = undone.iter().map(|(_, state)| state.as_str()).collect();
    let writers: Vec<_> = undone.iter().map(|(input, _)| Written::by(input).by).collect();
    let overwritten = State::MAY_HOLD_MONEY.map(State::as_str);
    connection.execute(&update, &[&ids, &states, &writers, &&overwritten[..]]).await?;
    Ok(())
}
