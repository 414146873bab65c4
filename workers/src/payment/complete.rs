//! Complete: ends a payment for which the buyer had to act.
//!
//! It consumes `requires_action`, whose record comes back at an interval until the payment is
//! decided, and `payment_submitted`, which says that the buyer or the provider has done something.
//! Neither is believed: the provider is asked for the intent, and its state decides.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, SystemTime};

use orders::{Event, EventBody};
use streams::failpoint;

use super::decision::{complete_asks, growing_wait};
use super::guarded_provider::unless_all_postponed;
use super::intent_progress::{Submission, next_row};
use super::payment_row::{self, Payment, Rows, State};
use super::payment_stage::PaymentStage;
use super::provider_calls::call_concurrently;
use crate::copies::Written;
use crate::expiry_clock::expiry_time;
use crate::limits::{PAYMENT_POLL_INTERVAL_MAX, SUBMISSION_DELAY};
use crate::step_input::{StepError, StepInput, StepOutcome};

/// The call to make for one record.
struct Call<'a> {
    /// The record's index in the set.
    index: usize,
    row: &'a Payment,
    submission: Option<Submission<'a>>,
    input: &'a StepInput,
}

/// The result of the call for a record.
pub(super) enum CallResult {
    Succeeded,
    Failed(StepOutcome),
    /// The call was made for another record of the order, or is not needed.
    NotMade,
}

pub(super) async fn complete(
    stage: &PaymentStage,
    inputs: &[StepInput],
) -> Result<Vec<StepOutcome>, StepError> {
    let database = &stage.database;
    let now = expiry_time(database, stage.payment_timeout).await?;
    let ids: Vec<_> = inputs.iter().map(StepInput::row_id).collect();
    let mut rows =
        database.with_retries(async |connection| payment_row::read(connection, &ids).await).await?;
    let calls = calls(inputs, &rows, now);
    let responses = call_concurrently(&calls, async |call| {
        next_row(&stage.provider, call.row, call.submission.as_ref(), call.input).await
    });
    let mut decided = Vec::new();
    let mut results = HashMap::new();
    for (call, response) in calls.iter().zip(responses.await) {
        let result = match response {
            Ok(row) => {
                let written = Written::by(call.input);
                decided.extend(row.map(|row| Payment { written, ..row }));
                CallResult::Succeeded
            }
            Err(failure) => CallResult::Failed(failure),
        };
        results.insert(call.index, result);
    }
    failpoint!("complete.asked");
    let decided = database
        .with_retries(async |connection| payment_row::decide(connection, &decided).await)
        .await?;
    rows.extend(decided);
    let outcome = |(index, input): (usize, &StepInput)| match rows.get(&input.row_id()) {
        Some(row) => {
            let result = results.remove(&index).unwrap_or(CallResult::NotMade);
            outcome(input, row, result, stage.poll_interval, now)
                .unless_copy(input, row.end_written())
        }
        // An order that payment has not processed does not wait for its buyer.
        None => StepOutcome::Completed(Vec::new()),
    };
    unless_all_postponed(inputs.iter().enumerate().map(outcome).collect())
}

/// One call for each payment that waits for its buyer and has not expired: for the first record that
/// brings a payment method, or else for the first record.
fn calls<'a>(inputs: &'a [StepInput], rows: &'a Rows, now: SystemTime) -> Vec<Call<'a>> {
    let call = |(index, input): (usize, &'a StepInput)| {
        let row = rows.get(&input.row_id())?;
        let asks = complete_asks(row, row.is_expired(now));
        asks.then(|| Call { index, row, submission: Submission::of(input, row), input })
    };
    let mut calls: Vec<_> = inputs.iter().enumerate().filter_map(call).collect();
    calls.sort_by_key(|call| call.submission.is_none());
    let mut seen = HashSet::new();
    calls.retain(|call| seen.insert(call.row.id));
    calls
}

/// What complete publishes for `input`, or what becomes of it.
pub(super) fn outcome(
    input: &StepInput,
    row: &Payment,
    result: CallResult,
    poll_interval: Duration,
    now: SystemTime,
) -> StepOutcome {
    let completed = |event: Option<Event>| StepOutcome::Completed(event.into_iter().collect());
    match row.state {
        State::Paid | State::Refunded => completed(row.paid_event()),
        State::Declined => completed(row.declined_event()),
        State::RequiresAction if row.is_expired(now) => completed(row.expired_event()),
        State::RequiresAction if is_poll(input) => match result {
            CallResult::Failed(postponed @ StepOutcome::Postpone(_)) => postponed,
            // It goes on waiting, whatever has failed.
            _ => StepOutcome::Wait(poll_wait(row, poll_interval, now)),
        },
        State::RequiresAction => match (result, Submission::of(input, row)) {
            (CallResult::Failed(failure), _) => failure,
            // Another record of the order went first.
            (CallResult::NotMade, Some(_)) => StepOutcome::Wait(SUBMISSION_DELAY),
            (CallResult::Succeeded | CallResult::NotMade, _) => completed(None),
        },
        // Charge has not finished with it.
        State::Pending => StepOutcome::Wait(SUBMISSION_DELAY),
        State::Voided => completed(None),
    }
}

/// Whether this is the record that comes back until the payment is decided.
const fn is_poll(input: &StepInput) -> bool {
    matches!(input.event.body, EventBody::RequiresAction)
}

/// The interval grows with the time that the buyer takes.
fn poll_wait(row: &Payment, configured: Duration, now: SystemTime) -> Duration {
    let waited = row.action_at.and_then(|at| now.duration_since(at).ok()).unwrap_or_default();
    growing_wait(waited, configured, PAYMENT_POLL_INTERVAL_MAX)
}
