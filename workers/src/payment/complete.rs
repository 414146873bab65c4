//! Complete: ends a payment for which the buyer had to act.
//!
//! It consumes `requires_action`, whose record comes back at an interval until the payment is
//! decided, and `payment_submitted`, which says that the buyer or the provider has done something.
//! Neither is believed: the provider is asked for the intent, and its state decides.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::SystemTime;

use orders::{CancelledBy, Event, EventBody, NextAction, PaymentToken};
use streams::failpoint;
use uuid::Uuid;

use super::guarded_provider::provider_unavailable;
use super::payment_row::{self, Payment, Rows, State};
use super::payment_stage::PaymentStage;
use super::provider::{Confirmation, Provider};
use super::provider_calls::{call_concurrently, call_key};
use crate::limits::PAYMENT_METHODS_MAX;
use crate::step_input::{StepError, StepInput, StepOutcome};

/// The decline codes after which no other payment method is accepted
/// (<https://docs.stripe.com/declines/codes>).
const FINAL_DECLINES: [&str; 5] =
    ["fraudulent", "lost_card", "merchant_blacklist", "pickup_card", "stolen_card"];

pub(super) async fn complete(
    stage: &PaymentStage,
    inputs: &[StepInput],
) -> Result<Vec<StepOutcome>, StepError> {
    let database = &stage.database;
    let now = database.time().await?;
    let ids: Vec<Uuid> = inputs.iter().map(StepInput::row_id).collect();
    let mut rows =
        database.with_retries(async |connection| payment_row::read(connection, &ids).await).await?;
    let mut failures = HashMap::new();
    let calls = calls(inputs, &rows, now);
    let results =
        call_concurrently(&calls, async |(row, input)| ask_provider(stage, row, input).await).await;
    let mut decided = BTreeMap::new();
    for ((row, _), result) in calls.iter().zip(results) {
        match result {
            Ok(Some(row)) => drop(decided.insert(row.id, row)),
            Ok(None) => {}
            Err(failure) => drop(failures.insert(row.id, failure)),
        }
    }
    failpoint!("complete.asked");
    let decided: Vec<Payment> = decided.into_values().collect();
    let decided = database
        .with_retries(async |connection| payment_row::decide(connection, &decided).await)
        .await?;
    rows.extend(decided);
    let outcomes: Vec<_> = inputs
        .iter()
        .map(|input| match rows.get(&input.row_id()) {
            Some(row) => outcome(stage, input, row, now, &mut failures),
            // An order that payment has not processed does not wait for its buyer.
            None => StepOutcome::Completed(Vec::new()),
        })
        .collect();
    match outcomes.first() {
        Some(StepOutcome::Postpone(error))
            if outcomes.iter().all(|outcome| matches!(outcome, StepOutcome::Postpone(_))) =>
        {
            Err(provider_unavailable(error.clone()))
        }
        _ => Ok(outcomes),
    }
}

/// One call for each payment that waits for the buyer and has not expired. Of several records of an
/// order, one that has a payment method goes first.
fn calls<'a>(
    inputs: &'a [StepInput],
    rows: &'a Rows,
    now: SystemTime,
) -> Vec<(&'a Payment, &'a StepInput)> {
    let mut with_method_first: Vec<&StepInput> = inputs.iter().collect();
    with_method_first.sort_by_key(|input| payment_method(input).is_none());
    let mut seen = HashSet::new();
    let is_first = |input: &&StepInput| seen.insert(input.row_id());
    let row = |input: &'a StepInput| Some((rows.get(&input.row_id())?, input));
    let waits = |(row, _): &(&Payment, &StepInput)| {
        row.state == State::RequiresAction && !row.is_expired(now)
    };
    with_method_first.into_iter().filter(is_first).filter_map(row).filter(waits).collect()
}

/// Whether this is the record that comes back until the payment is decided.
const fn is_waiter(input: &StepInput) -> bool {
    matches!(input.event.body, EventBody::RequiresAction)
}

const fn payment_method(input: &StepInput) -> Option<&PaymentToken> {
    match &input.event.body {
        EventBody::PaymentSubmitted { payment_token } => payment_token.as_ref(),
        _ => None,
    }
}

/// Asks for the intent, or confirms it with the payment method that the buyer has submitted. Returns
/// the row's new content; `None` if nothing has changed.
async fn ask_provider(
    stage: &PaymentStage,
    row: &Payment,
    input: &StepInput,
) -> Result<Option<Payment>, StepOutcome> {
    let intent = row.intent.as_deref().unwrap_or_default();
    let method = payment_method(input).map(PaymentToken::expose);
    let key = call_key(input.order_id(), "complete", &input.history);
    let call = async |provider: &Provider| match method {
        Some(_) => provider.confirm_with(intent, method, &key).await,
        None => provider.retrieve(intent).await.map(Confirmation::from),
    };
    let confirmation = stage.provider.call(call).await?;
    let methods_submitted = row.methods_submitted + i32::from(method.is_some());
    let row = Payment { methods_submitted, ..row.clone() };
    Ok(row.after(confirmation))
}

impl Payment {
    /// The row after what the provider has reported; `None` if it is as before.
    fn after(self, confirmation: Confirmation) -> Option<Self> {
        match confirmation {
            Confirmation::Succeeded => Some(self.paid()),
            Confirmation::RequiresAction(action) => Some(self.requires(action)),
            Confirmation::Declined { code } if self.is_last_decline(&code) => {
                Some(self.declined(code))
            }
            Confirmation::Declined { code } => {
                Some(self.requires(NextAction::NewPaymentMethod { decline_code: code }))
            }
            // It is being processed; or it was cancelled, as refund will find.
            Confirmation::Unexpected { .. } => None,
        }
    }

    /// Whether no further payment method is accepted after a decline with this code.
    fn is_last_decline(&self, code: &str) -> bool {
        FINAL_DECLINES.contains(&code) || self.methods_submitted >= PAYMENT_METHODS_MAX
    }

    fn is_expired(&self, now: SystemTime) -> bool {
        self.expires_at.is_some_and(|expires_at| expires_at < now)
    }
}

fn outcome(
    stage: &PaymentStage,
    input: &StepInput,
    row: &Payment,
    now: SystemTime,
    failures: &mut HashMap<Uuid, StepOutcome>,
) -> StepOutcome {
    let event = |at: Option<SystemTime>, body| {
        let event = |at: SystemTime| Event { order_id: input.order_id(), at: at.into(), body };
        StepOutcome::Completed(at.map(event).into_iter().collect())
    };
    let nothing = StepOutcome::Completed(Vec::new());
    match row.state {
        State::Paid => match (row.amount, row.intent.clone()) {
            (Some(amount), Some(payment_intent)) => {
                event(row.decided_at, EventBody::Paid { amount, payment_intent })
            }
            _ => nothing,
        },
        State::Declined => {
            let decline_code = row.decline_code.clone().unwrap_or_default();
            event(row.decided_at, EventBody::Declined { decline_code })
        }
        State::RequiresAction if row.is_expired(now) => {
            event(row.expires_at, EventBody::CancelRequested { by: CancelledBy::Expiry })
        }
        State::RequiresAction => match failures.remove(&row.id) {
            Some(failure) => failure,
            None if is_waiter(input) => StepOutcome::Wait(stage.poll_interval),
            None => nothing,
        },
        // Charge has not finished with it.
        State::Pending => StepOutcome::Retry("the charge is not decided yet".to_owned()),
        State::Refunded | State::Voided => nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(methods_submitted: i32) -> Payment {
        let amount = orders::Money { amount: 5, currency: "EUR".parse().unwrap() };
        let row = Payment::pending(Uuid::nil(), amount, SystemTime::UNIX_EPOCH);
        Payment { state: State::RequiresAction, methods_submitted, ..row }
    }

    fn state_after(row: Payment, code: &str) -> State {
        row.after(Confirmation::Declined { code: code.to_owned() }).unwrap().state
    }

    #[test]
    fn a_decline_allows_another_payment_method_until_there_were_too_many() {
        let last = PAYMENT_METHODS_MAX;
        assert_eq!(state_after(waiting(last - 1), "insufficient_funds"), State::RequiresAction);
        assert_eq!(state_after(waiting(last), "insufficient_funds"), State::Declined);
        assert_eq!(state_after(waiting(0), "stolen_card"), State::Declined);
    }

    #[test]
    fn a_payment_that_is_being_processed_stays_as_it_is() {
        let status = super::super::provider::Status::Processing;
        assert!(waiting(0).after(Confirmation::Unexpected { status }).is_none());
    }
}
