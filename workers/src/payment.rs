//! Payment: charges an order once, and refunds it.
//!
//! The provider is called between short transactions, never within one. An intent is created
//! unconfirmed, and its id is committed before it is confirmed. Only the committed intent is ever
//! confirmed, and an intent succeeds once. So money moves once, whatever is repeated or
//! interrupted.

mod breaker;
mod call_limit;
mod call_results;
mod call_slots;
mod call_speeds;
mod cancel_intent;
mod charge;
mod complete;
mod confirm_intent;
mod create_intent;
mod decision;
mod declines;
mod failed_call;
mod guarded_provider;
pub mod held_funds;
mod intent_progress;
#[cfg(test)]
pub(crate) mod model;
mod payment_events;
mod payment_row;
mod payment_stage;
pub mod provider;
mod provider_calls;
mod refund;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use clap::Args;
use orders::{Event, EventKind, OrderId};
use streams::{Pool, Step, StepKind, WorkerState, subjects};

use crate::database::Database;
use crate::limits::PAYMENT_POLL_INTERVAL;
use crate::order_rows::{OrderRows, RowState};
use crate::payment_timeout::PaymentTimeout;
use crate::privilege::Privilege;
use crate::proof::Proof;
use crate::stage::{Dependency, Reporter, Stage, StageState, StageStep, StartError, WorkerContext};
use crate::step_input::{StepError, row_id};
use breaker::{Breaker, BreakerLimits};
use guarded_provider::GuardedProvider;
use payment_row::{Payment, State};
use payment_stage::PaymentStage;
use provider::{Limits, Provider};

/// The pool that charges buyers and refunds them.
pub const POOL: Pool = Pool::new("payment");

/// Captures the payment.
pub const CHARGE: Step =
    Step { name: "charge", pool: POOL, kind: StepKind::Action, consumes: &[EventKind::Reserved] };

/// Completes a payment for which the buyer had to act.
pub const COMPLETE: Step = Step {
    name: "complete",
    pool: POOL,
    kind: StepKind::Completion,
    consumes: &[EventKind::RequiresAction, EventKind::PaymentSubmitted],
};

/// Undoes [`CHARGE`]: ensures that no money is held.
pub const REFUND: Step =
    Step { name: "refund", pool: POOL, kind: StepKind::Undo, consumes: &[EventKind::Withdrawn] };

/// The states in which a payment is not decided yet, as its row has them.
pub(crate) fn undecided_states() -> [&'static str; 2] {
    State::UNDECIDED.map(State::as_str)
}

/// The stage.
pub(crate) const STAGE: Stage<PaymentStage> = Stage {
    pool: POOL,
    about: "Charge buyers and refund them",
    steps: &[
        StageStep {
            step: COMPLETE,
            concurrency: 1,
            proofs: &[],
            depends_on: &[
                Dependency::Database,
                Dependency::Service(|payment| Box::pin(payment.probe_provider())),
            ],
            run: |payment, inputs| Box::pin(complete::complete(payment, inputs)),
        },
        StageStep {
            step: CHARGE,
            concurrency: 3,
            proofs: &[Proof { kind: EventKind::Reserved, view: "inventory.reserved" }],
            depends_on: &[
                Dependency::Database,
                Dependency::Service(|payment| Box::pin(payment.probe_provider())),
            ],
            run: |payment, inputs| Box::pin(charge::charge(payment, inputs)),
        },
        StageStep {
            step: REFUND,
            concurrency: 2,
            proofs: &[Proof { kind: EventKind::Withdrawn, view: "fulfilment.withdrawn" }],
            // Not the provider: most orders that are withdrawn hold no money, and those that do
            // are postponed individually.
            depends_on: &[Dependency::Database],
            run: |payment, inputs| Box::pin(refund::refund(payment, inputs)),
        },
    ],
    publishes: &[
        EventKind::RequiresAction,
        EventKind::Paid,
        EventKind::Declined,
        EventKind::Refunded,
        // Of payments that expire.
        EventKind::CancelRequested,
    ],
    notices: &[subjects::PAYMENT_DELAYED],
    purges: false,
    migrations: || embedded::migrations::runner(),
    // The time in which it was paused does not count for its deadlines.
    privileges: &[Privilege { on: "inventory.pauses_of_payment", rights: "SELECT" }],
    background: &[],
    queries: &[],
    order_rows: Some(OrderRows {
        view: "payment.order_states",
        states: &[
            RowState { name: "pending", events: &[] },
            RowState { name: "requires_action", events: &[REQUIRES_ACTION] },
            RowState { name: "paid", events: &[REQUIRES_ACTION, PAID] },
            RowState {
                name: "declined",
                events: &[REQUIRES_ACTION, (EventKind::Declined, "decided_at")],
            },
            RowState { name: "refunded", events: &[REQUIRES_ACTION, PAID, REFUNDED] },
            RowState { name: "barred", events: &[REQUIRES_ACTION, REFUNDED] },
        ],
        has_reason: false,
        has_next_action: true,
        has_digest: false,
    }),
    observer: None,
};

/// Absent from the rows of payments for which the buyer did not have to act.
const REQUIRES_ACTION: (EventKind, &str) = (EventKind::RequiresAction, "action_at");
const PAID: (EventKind, &str) = (EventKind::Paid, "decided_at");
const REFUNDED: (EventKind, &str) = (EventKind::Refunded, "refunded_at");

/// What payment has published about an order that is charged, declined or waits for its buyer; `None` for any
/// other one.
pub(crate) async fn decided_event(
    database: &Database,
    order_id: OrderId,
) -> Result<Option<Event>, StepError> {
    let row = row(database, order_id).await?;
    Ok(row.and_then(|row| match row.state {
        State::Paid => row.paid_event(),
        State::Declined => row.declined_event(),
        State::RequiresAction => row.requires_action_event(),
        State::Pending | State::Refunded | State::Voided => None,
    }))
}

/// What payment has published about an order that was withdrawn; `None` if it may still hold money.
pub(crate) async fn refunded_event(
    database: &Database,
    withdrawn: Event,
) -> Result<Option<Event>, StepError> {
    let row = row(database, withdrawn.order_id).await?;
    Ok(row.and_then(|row| refund::refunded_event(&row, &withdrawn)))
}

async fn row(database: &Database, order_id: OrderId) -> Result<Option<Payment>, StepError> {
    let ids = [row_id(order_id)];
    let rows = database.with_retries(async |client| payment_row::read(client, &ids).await).await?;
    Ok(rows.into_values().next())
}

/// The configuration of payment.
#[derive(Clone, Args)]
pub(crate) struct Config {
    /// How long a reservation is held without a payment.
    #[command(flatten)]
    payment: PaymentTimeout,
    /// Base URL of the payment provider, by http or https, without a path
    #[arg(
        long,
        env = "MILLRACE_PROVIDER_URL",
        hide_env_values = true,
        value_parser = provider::base_url
    )]
    provider_url: String,
    /// The payment provider's secret key
    #[arg(
        long,
        env = "MILLRACE_PROVIDER_KEY",
        hide_env_values = true,
        value_parser = provider::secret_key
    )]
    provider_key: String,
    /// The limits of the calls.
    #[command(flatten)]
    limits: Limits,
    /// How often the provider is asked about a payment that waits for the buyer
    // In case its webhook is lost.
    #[arg(
        long,
        env = "MILLRACE_PAYMENT_POLL_INTERVAL",
        value_name = "DURATION",
        default_value = PAYMENT_POLL_INTERVAL,
        value_parser = streams::parse_duration
    )]
    payment_poll_interval: Duration,
    /// When the circuit breaker opens.
    #[command(flatten)]
    breaker: BreakerLimits,
}

impl StageState for PaymentStage {
    type Config = Config;

    fn start(config: Config, worker: &WorkerContext) -> Result<Self, StartError> {
        let provider = Provider::new(&config.provider_url, &config.provider_key, config.limits)?;
        let breaker = Arc::new(Mutex::new(Breaker::new(config.breaker)));
        let calls_max = config.limits.parallel;
        let connection = worker.connection.clone();
        let provider = GuardedProvider::new(provider, calls_max, breaker, connection);
        let payment_timeout = config.payment.payment_timeout;
        let poll_interval = config.payment_poll_interval;
        Ok(Self { database: worker.database.clone(), provider, payment_timeout, poll_interval })
    }

    fn reporter(&self) -> Reporter {
        let breaker = self.provider.breaker();
        Box::new(move || WorkerState {
            breaker: Some(guarded_provider::lock(&breaker).state().to_owned()),
            ..WorkerState::default()
        })
    }
}

mod embedded {
    refinery::embed_migrations!("src/payment/migrations");
}
