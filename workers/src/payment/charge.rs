//! Charge: takes the money for each order, once.
//!
//! 1. An unconfirmed intent at the provider.
//! 2. A row for the order with the intent's id, where the first row stands.
//! 3. The confirmation of the id in the row.
//! 4. The result into the row.
//!
//! Once the reservation's time is over no call is made any more: the sweep has the order cancelled,
//! and refund sees to what may have been captured.

use std::collections::{BTreeMap, HashMap};
use std::time::SystemTime;

use orders::{Event, EventBody, Money, OrderId, PaymentToken};
use streams::{DeliveryHistory, Step};
use uuid::Uuid;

use super::provider::{CallError, Confirmation, NewIntent, Provider};
use super::row::{self, Payment, Rows, State};
use super::{Failed, Payments, call_each, call_key, down};
use crate::crash::{Stop, stop_at};
use crate::task::{StepError, StepInput, StepOutcome, now};

/// The code under which the provider refuses a token that it does not know.
const NO_SUCH_TOKEN: &str = "resource_missing";
/// Why such an order is declined.
const INVALID_TOKEN: &str = "invalid_token";

/// What one order asks for.
struct Charge<'a> {
    order_id: OrderId,
    amount: Money,
    token: Option<&'a PaymentToken>,
    history: &'a DeliveryHistory,
    /// Whether the reservation's time is over.
    is_late: bool,
}

type Charges<'a> = BTreeMap<Uuid, Charge<'a>>;
type Failures = HashMap<Uuid, Failed>;

pub(super) async fn charge(
    payments: &Payments,
    tasks: &[StepInput],
) -> Result<Vec<StepOutcome>, StepError> {
    let made_before = now() - payments.payment_timeout;
    let charge = |task| Some((StepInput::row_id(task), Charge::of(task, made_before)?));
    let charges: Charges<'_> = tasks.iter().filter_map(charge).collect();
    let ids: Vec<Uuid> = charges.keys().copied().collect();
    let database = &payments.database;
    let mut failures = Failures::new();
    let mut rows = database.settled(async |connection| row::read(connection, &ids).await).await?;
    rows.extend(create_intents(payments, &charges, &rows, &mut failures).await?);
    rows.extend(confirm_intents(payments, &charges, &rows, &mut failures).await?);
    let verdicts: Vec<_> =
        tasks.iter().map(|task| verdict(task, &charges, &rows, &mut failures)).collect();
    let is_not_now = |verdict: &StepOutcome| matches!(verdict, StepOutcome::Postpone(_));
    match verdicts.first() {
        // The whole set can wait where it is.
        Some(StepOutcome::Postpone(error)) if verdicts.iter().all(is_not_now) => {
            Err(down(error.clone()))
        }
        _ => Ok(verdicts),
    }
}

impl<'a> Charge<'a> {
    /// What `task` asks for; late if its reservation was made before `made_before`.
    fn of(task: &'a StepInput, made_before: SystemTime) -> Option<Self> {
        let EventBody::Reserved { amount, payment_token } = &task.event.body else { return None };
        Some(Self {
            order_id: task.order_id(),
            amount: *amount,
            token: payment_token.as_ref(),
            history: &task.history,
            is_late: SystemTime::from(task.event.at) < made_before,
        })
    }

    fn key(&self, call: &str) -> String {
        call_key(self.order_id, call, self.history)
    }
}

fn verdict(
    task: &StepInput,
    charges: &Charges<'_>,
    rows: &Rows,
    failures: &mut Failures,
) -> StepOutcome {
    let id = task.row_id();
    let Some(charge) = charges.get(&id) else {
        return StepOutcome::Reject("charge takes the event reserved only".to_owned());
    };
    let row = rows.get(&id);
    match row.map_or(State::Pending, |row| row.state) {
        // The sweep has the order cancelled.
        State::Pending if charge.is_late => StepOutcome::Completed(Vec::new()),
        State::Pending => match failures.remove(&id) {
            Some(failed) => failed.into(),
            None => StepOutcome::Retry("the charge is not decided yet".to_owned()),
        },
        State::Paid | State::Refunded => {
            StepOutcome::Completed(row.and_then(|row| charge.paid(row)).into_iter().collect())
        }
        State::Declined => {
            StepOutcome::Completed(row.and_then(|row| charge.declined(row)).into_iter().collect())
        }
        // Withdrawn before any money was taken; that has been told.
        State::Barred => StepOutcome::Completed(Vec::new()),
    }
}

impl Charge<'_> {
    fn paid(&self, row: &Payment) -> Option<Event> {
        let payment_intent = row.intent.clone()?;
        self.event(row, EventBody::Paid { amount: self.amount, payment_intent })
    }

    fn declined(&self, row: &Payment) -> Option<Event> {
        self.event(row, EventBody::Declined { decline_code: row.decline_code.clone()? })
    }

    fn event(&self, row: &Payment, body: EventBody) -> Option<Event> {
        Some(Event { order_id: self.order_id, at: row.decided_at?.into(), body })
    }
}

/// Makes an intent for each order that has no row. Gives the new rows.
async fn create_intents(
    payments: &Payments,
    charges: &Charges<'_>,
    rows: &Rows,
    failures: &mut Failures,
) -> Result<Rows, StepError> {
    let is_new = |(id, charge): &(&Uuid, &Charge<'_>)| !charge.is_late && !rows.contains_key(id);
    let new: Vec<_> = charges.iter().filter(is_new).collect();
    let calls = call_each(&new, async |(_, charge)| create(payments, charge).await);
    let mut made = Vec::new();
    for ((id, charge), created) in new.iter().zip(calls.await) {
        let row = Payment::pending(**id, charge.amount);
        match created {
            Ok(Some(intent)) => made.push(Payment { intent: Some(intent), ..row }),
            Ok(None) => made.push(row.declined(INVALID_TOKEN.to_owned())),
            Err(failed) => drop(failures.insert(**id, failed)),
        }
    }
    stop_at(Step::Charge, Stop::IntentsMade);
    let database = &payments.database;
    let rows = database.settled(async |connection| row::add(connection, &made).await).await?;
    stop_at(Step::Charge, Stop::IntentsCommitted);
    Ok(rows)
}

/// The id of an unconfirmed intent; `None` for a token that is unknown or used up: the bank would say no.
async fn create(payments: &Payments, charge: &Charge<'_>) -> Result<Option<String>, Failed> {
    let intent = NewIntent {
        order: &charge.order_id.to_string(),
        amount: charge.amount.amount,
        currency: charge.amount.currency.as_str(),
        payment_method: charge.token.map(PaymentToken::expose),
    };
    let key = charge.key("create");
    let call = async |provider: &Provider| match provider.create_intent(&intent, &key).await {
        Err(CallError::Refused { code, .. }) if code == NO_SUCH_TOKEN => Ok(None),
        created => created.map(|intent| Some(intent.id)),
    };
    payments.provider.call(call).await
}

/// Confirms the intent of each order that waits for it. Gives the rows that are decided.
async fn confirm_intents(
    payments: &Payments,
    charges: &Charges<'_>,
    rows: &Rows,
    failures: &mut Failures,
) -> Result<Rows, StepError> {
    let is_due = |row: &&Payment| row.state == State::Pending && !charges[&row.id].is_late;
    let due = rows.values().filter(is_due);
    let with: Vec<(&Payment, &str)> =
        due.filter_map(|row| Some((row, row.intent.as_deref()?))).collect();
    let calls = call_each(&with, async |(row, intent)| {
        let key = charges[&row.id].key("confirm");
        payments.provider.call(async |provider| provider.confirm(intent, &key).await).await
    });
    let mut decided = Vec::new();
    for ((row, _), confirmation) in with.iter().zip(calls.await) {
        match confirmation {
            Ok(Confirmation::Succeeded) => decided.push((*row).clone().paid()),
            Ok(Confirmation::Declined { code }) => decided.push((*row).clone().declined(code)),
            Ok(Confirmation::Unexpected { status }) => {
                let error = format!("the payment intent is {status:?}");
                failures.insert(row.id, Failed::Later(error));
            }
            Err(failed) => drop(failures.insert(row.id, failed)),
        }
    }
    stop_at(Step::Charge, Stop::Confirmed);
    let database = &payments.database;
    database.settled(async |connection| row::decide(connection, &decided).await).await
}
