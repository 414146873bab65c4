//! Charge: captures the money for each order, once.
//!
//! 1. Create an unconfirmed intent at the provider.
//! 2. Insert a row for the order with the intent's id; the first insert wins.
//! 3. Confirm the intent whose id is in the row.
//! 4. Write the result into the row.
//!
//! No call is made for an order that costs nothing, which is paid, and for one without a payment method, which is
//! declined. None is made after the
//! reservation has expired, by the time of the database: charge requests the cancellation, as the sweep
//! does, and refund returns what may have been captured.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, SystemTime};

use orders::{CancelledBy, Event, EventBody, Money, OnDecline, OrderId, PaymentToken};
use streams::failpoint;
use uuid::Uuid;

use super::call_results::CallKind;
use super::confirm_intent::confirm_intent;
use super::create_intent::{create_intent, create_without_method};
use super::decision::{ChargeCall, after_confirm, charge_call};
use super::declines::{after_first_decline, needs_open_intent, payment_missing};
use super::guarded_provider::unless_all_postponed;
use super::payment_row::{self, Payment, Rows, State};
use super::payment_stage::PaymentStage;
use super::provider::{CallError, Decline, NewIntent, Provider};
use super::provider_calls::{attempt_prefix, call_concurrently};
use crate::copies::Written;
use crate::expiry_clock::expiry_time;
use crate::step_input::{StepError, StepInput, StepOutcome};

/// The charge that one order requests.
pub(super) struct Charge<'a> {
    order_id: OrderId,
    pub(super) amount: Money,
    token: Option<&'a PaymentToken>,
    on_decline: OnDecline,
    input: &'a StepInput,
    /// When the reservation expires, by the time of the database.
    pub(super) expires_at: SystemTime,
    /// Whether it has expired.
    pub(super) is_expired: bool,
    /// How long the order has been reserved.
    waited: Duration,
}

pub(super) type Charges<'a> = BTreeMap<Uuid, Charge<'a>>;
pub(super) type Failures = HashMap<Uuid, StepOutcome>;

pub(super) async fn charge(
    stage: &PaymentStage,
    inputs: &[StepInput],
) -> Result<Vec<StepOutcome>, StepError> {
    let now = expiry_time(&stage.database, stage.payment_timeout).await?;
    let charge = |input| {
        let charge = Charge::of(input, now, stage.payment_timeout)?;
        Some((StepInput::row_id(input), charge))
    };
    let charges: Charges<'_> = inputs.iter().filter_map(charge).collect();
    let ids: Vec<Uuid> = charges.keys().copied().collect();
    let database = &stage.database;
    let mut failures = Failures::new();
    let mut rows =
        database.with_retries(async |connection| payment_row::read(connection, &ids).await).await?;
    rows.extend(create_intents(stage, &charges, &rows, &mut failures).await?);
    rows.extend(confirm_intents(stage, &charges, &rows, &mut failures).await?);
    let outcomes = inputs.iter().map(|input| {
        let row = rows.get(&input.row_id());
        outcome(input, &charges, &rows, &failures)
            .unless_copy(input, row.and_then(Payment::outcome_written))
    });
    unless_all_postponed(outcomes.collect())
}

impl<'a> Charge<'a> {
    /// The charge that `input` requests at `now`, the time by which reservations expire.
    pub(super) fn of(
        input: &'a StepInput,
        now: SystemTime,
        payment_timeout: Duration,
    ) -> Option<Self> {
        let EventBody::Reserved { amount, payment_token, on_decline } = &input.event.body else {
            return None;
        };
        let reserved_at = SystemTime::from(input.event.at);
        let expires_at = reserved_at + payment_timeout;
        Some(Self {
            order_id: input.order_id(),
            amount: *amount,
            token: payment_token.as_ref(),
            on_decline: *on_decline,
            input,
            expires_at,
            is_expired: expires_at < now,
            waited: now.duration_since(reserved_at).unwrap_or_default(),
        })
    }
}

/// What charge publishes for `input`, or what becomes of it.
pub(super) fn outcome(
    input: &StepInput,
    charges: &Charges<'_>,
    rows: &Rows,
    failures: &Failures,
) -> StepOutcome {
    let id = input.row_id();
    let Some(charge) = charges.get(&id) else {
        return StepOutcome::reject("step `charge` consumes only the event `reserved`");
    };
    // A copy of the event in the same set has the same failure.
    let pending = || match failures.get(&id).cloned() {
        _ if charge.is_expired => StepOutcome::outcome(charge.cancel_requested()),
        Some(failure) => failure,
        None => StepOutcome::Retry("the charge is not decided yet".to_owned()),
    };
    let Some(row) = rows.get(&id) else { return pending() };
    let event = match row.state {
        State::Pending => return pending(),
        State::Paid | State::Refunded => row.paid_event(),
        State::Declined => row.declined_event(),
        // From here on it waits at `complete`, which consumes that event.
        State::RequiresAction => None,
        // Withdrawn before any money was captured; refund published that event.
        State::Voided => return StepOutcome::Completed(Vec::new()),
    };
    StepOutcome::Completed(row.requires_action_event().into_iter().chain(event).collect())
}

impl Charge<'_> {
    /// The same event as that of the sweep, which may have passed the reservation without it.
    fn cancel_requested(&self) -> Event {
        let body = EventBody::CancelRequested { by: CancelledBy::Expiry };
        Event { order_id: self.order_id, at: self.expires_at.into(), body, traceparent: None }
    }
}

/// Creates an intent for each order that has no row. Returns the new rows.
async fn create_intents(
    stage: &PaymentStage,
    charges: &Charges<'_>,
    rows: &Rows,
    failures: &mut Failures,
) -> Result<Rows, StepError> {
    let is_new = |(id, charge): &(&Uuid, &Charge<'_>)| {
        charge_call(rows.get(id), charge.is_expired) == Some(ChargeCall::CreateIntent)
    };
    let new: Vec<_> = charges.iter().filter(is_new).collect();
    let calls = call_concurrently(&new, async |(_, charge)| create(stage, charge).await);
    let mut new_rows = Vec::new();
    for ((id, charge), created) in new.iter().zip(calls.await) {
        match created {
            Ok(Created { intent, decline }) => {
                let row = Payment::pending(**id, charge.amount, charge.expires_at);
                let row = Payment { intent, written: Written::by(charge.input), ..row };
                new_rows.push(match decline {
                    Some(decline) => after_first_decline(row, charge.on_decline, decline),
                    None if row.is_free() => row.paid(),
                    None => row,
                });
            }
            Err(failure) => drop(failures.insert(**id, failure)),
        }
    }
    failpoint!("charge.intents_created");
    let database = &stage.database;
    let rows = database
        .with_retries(async |connection| payment_row::insert(connection, &new_rows).await)
        .await?;
    failpoint!("charge.intents_committed");
    Ok(rows)
}

/// The result of creating an intent.
struct Created {
    /// The id of the unconfirmed intent. None is created if there is nothing to pay.
    intent: Option<String>,
    /// The provider does not take the order's payment method, or the payment at all, or the order has no
    /// payment method. An intent that was created in spite of it has none.
    decline: Option<Decline>,
}

async fn create(stage: &PaymentStage, charge: &Charge<'_>) -> Result<Created, StepOutcome> {
    if charge.amount.amount == 0 {
        return Ok(Created { intent: None, decline: None });
    }
    let Some(token) = charge.token else {
        return Ok(Created { intent: None, decline: Some(payment_missing()) });
    };
    let intent = NewIntent {
        order: &charge.order_id.to_string(),
        amount: charge.amount.amount,
        currency: charge.amount.currency.as_str(),
        payment_method: Some(token.expose()),
    };
    let call = async |provider: &Provider| {
        let created = create_intent(provider, charge.order_id, &intent).await;
        let Err(CallError::Declined(decline)) = created else {
            return created.map(|id| Created { intent: Some(id), decline: None });
        };
        if !needs_open_intent(charge.on_decline, &decline) {
            return Ok(Created { intent: None, decline: Some(decline) });
        }
        match create_without_method(provider, charge.order_id, &intent).await {
            Err(CallError::Declined(decline)) => {
                Ok(Created { intent: None, decline: Some(decline) })
            }
            created => created.map(|id| Created { intent: Some(id), decline: Some(decline) }),
        }
    };
    stage.provider.call(CallKind::Create, charge.order_id, call).await
}

/// Confirms the intent of each pending row. Returns the rows that are decided.
async fn confirm_intents(
    stage: &PaymentStage,
    charges: &Charges<'_>,
    rows: &Rows,
    failures: &mut Failures,
) -> Result<Rows, StepError> {
    let is_confirmable = |row: &&Payment| {
        charge_call(Some(row), charges[&row.id].is_expired) == Some(ChargeCall::Confirm)
    };
    let pending = rows.values().filter(is_confirmable);
    let intents: Vec<(&Payment, &str)> =
        pending.filter_map(|row| Some((row, row.intent.as_deref()?))).collect();
    let calls = call_concurrently(&intents, async |(row, intent)| {
        let charge = &charges[&row.id];
        let prefix = attempt_prefix(charge.order_id, "confirm", &charge.input.history);
        let confirm = async |provider: &Provider| confirm_intent(provider, intent, &prefix).await;
        stage.provider.call(CallKind::Confirm, charge.order_id, confirm).await
    });
    let mut decided = Vec::new();
    for ((row, _), confirmation) in intents.iter().zip(calls.await) {
        let Charge { on_decline, input, waited, .. } = charges[&row.id];
        let decide = |confirmation| after_confirm(row, on_decline, confirmation, waited);
        match confirmation.and_then(decide) {
            Ok(row) => decided.push(Payment { written: Written::by(input), ..row }),
            Err(failure) => drop(failures.insert(row.id, failure)),
        }
    }
    failpoint!("charge.confirmed");
    let database = &stage.database;
    database.with_retries(async |connection| payment_row::decide(connection, &decided).await).await
}
