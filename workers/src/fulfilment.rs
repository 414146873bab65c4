//! Fulfilment: creates one shipment for each order, or withdraws the order. Only fulfilment decides
//! which, by one row for each order.

mod decision;
#[cfg(test)]
pub(crate) mod model;
mod shipment_row;
mod unshippable;

use clap::Args;
use orders::{CancelReason, Event, EventBody, EventKind, OrderId};
use streams::{Pool, Step, StepKind};

use crate::copies::Written;
use crate::database::Database;
use crate::order_rows::{OrderRows, RowState};
use crate::privilege::Privilege;
use crate::proof::Proof;
use crate::stage::{Dependency, Stage, StageState, StageStep, StartError, WorkerContext};
use crate::step_input::{StepError, StepInput, StepOutcome, row_id};
use decision::{ShipmentDecision, ship_outcome, withdraw_outcome};
use shipment_row::{Request, Requests, ShipmentRows, decide, read};
use unshippable::unshippable_orders;

/// The pool that ships orders or withdraws them.
pub const POOL: Pool = Pool::new("fulfilment");

/// Creates the shipment.
pub const SHIP: Step =
    Step { name: "ship", pool: POOL, kind: StepKind::Action, consumes: &[EventKind::Paid] };

/// Prevents [`SHIP`]: the order will not be shipped.
pub const WITHDRAW: Step = Step {
    name: "withdraw",
    pool: POOL,
    kind: StepKind::Undo,
    consumes: &[EventKind::CancelRequested],
};

/// The stage.
pub(crate) const STAGE: Stage<Fulfilment> = Stage {
    pool: POOL,
    about: "Book shipments, or withdraw orders",
    steps: &[
        StageStep {
            step: SHIP,
            concurrency: 2,
            proofs: &[Proof { kind: EventKind::Paid, view: "payment.paid" }],
            depends_on: &[Dependency::Database],
            run: |Fulfilment { database, unshippable }, inputs| {
                Box::pin(ship(database, unshippable.as_deref(), inputs))
            },
        },
        StageStep {
            step: WITHDRAW,
            concurrency: 2,
            proofs: &[],
            depends_on: &[Dependency::Database],
            run: |fulfilment, inputs| Box::pin(withdraw(&fulfilment.database, inputs)),
        },
    ],
    publishes: &[EventKind::Fulfilled, EventKind::Withdrawn, EventKind::CancelRefused],
    notices: &[],
    purges: false,
    migrations: || embedded::migrations::runner(),
    // The SKUs of an order, of which some cannot be shipped.
    privileges: &[Privilege { on: "inventory.placed_orders", rights: "SELECT" }],
    background: &[],
    queries: &[],
    order_rows: Some(OrderRows {
        view: "fulfilment.order_states",
        states: &[
            RowState { name: "shipped", events: &[(EventKind::Fulfilled, "decided_at")] },
            RowState { name: "withdrawn", events: &[(EventKind::Withdrawn, "decided_at")] },
        ],
        has_reason: true,
        has_next_action: false,
        has_digest: false,
    }),
    observer: None,
};

/// The state of fulfilment in a running worker.
pub(crate) struct Fulfilment {
    database: Database,
    /// Prefix of SKUs that cannot be shipped.
    unshippable: Option<String>,
}

/// The configuration of fulfilment.
#[derive(Clone, Args)]
pub(crate) struct Config {
    /// Prefix of SKUs that cannot be shipped: fulfilment withdraws their orders
    #[arg(long, env = "MILLRACE_UNSHIPPABLE", value_name = "PREFIX")]
    unshippable: Option<String>,
}

impl StageState for Fulfilment {
    type Config = Config;

    fn start(config: Config, worker: &WorkerContext) -> Result<Self, StartError> {
        Ok(Self { database: worker.database.clone(), unshippable: config.unshippable })
    }
}

mod embedded {
    refinery::embed_migrations!("src/fulfilment/migrations");
}

/// Creates a shipment for each order, or finds it. An order with a SKU that starts with the
/// prefix `unshippable` is withdrawn; one that was withdrawn earlier is not shipped.
pub async fn ship(
    database: &Database,
    unshippable: Option<&str>,
    inputs: &[StepInput],
) -> Result<Vec<StepOutcome>, StepError> {
    let mut requests = Requests::new();
    for input in inputs {
        let request = Request { reason: None, written: Written::by(input) };
        requests.entry(input.row_id()).or_insert(request);
    }
    // An empty variable means that none is set: every SKU would begin with it.
    if let Some(prefix) = unshippable.filter(|prefix| !prefix.is_empty()) {
        let unshippable = database
            .with_retries(async |client| unshippable_orders(client, prefix, &requests).await)
            .await?;
        for (id, skus) in unshippable {
            let reason = Some(CancelReason::Unshippable { skus });
            requests.entry(id).and_modify(|request| request.reason = reason);
        }
    }
    let rows = database.with_retries(async |client| decide(client, &requests).await).await?;
    Ok(outcomes(inputs, &rows, ship_outcome))
}

/// Withdraws each order that is not shipped, and refuses the cancellation of one that is.
pub async fn withdraw(
    database: &Database,
    inputs: &[StepInput],
) -> Result<Vec<StepOutcome>, StepError> {
    let mut requests = Requests::new();
    for input in inputs {
        if let EventBody::CancelRequested { by } = input.event.body {
            let reason = Some(CancelReason::Requested { by });
            let request = Request { reason, written: Written::by(input) };
            requests.entry(input.row_id()).or_insert(request);
        }
    }
    let rows = database.with_retries(async |client| decide(client, &requests).await).await?;
    Ok(outcomes(inputs, &rows, |row| Some(withdraw_outcome(row))))
}

/// What fulfilment has published about an order; `None` if it has decided nothing.
pub(crate) async fn decided_event(
    database: &Database,
    order_id: OrderId,
) -> Result<Option<Event>, StepError> {
    let ids = [row_id(order_id)];
    let rows = database.with_retries(async |client| read(client, &ids).await).await?;
    Ok(rows.into_values().next().map(|row| {
        let body = ship_outcome(&row.decision).unwrap_or_else(|| withdraw_outcome(&row.decision));
        Event { order_id, at: row.decided_at.into(), body, traceparent: None }
    }))
}

/// One outcome for each input: the event that `event_body` returns for the order's row, at the
/// row's time.
fn outcomes(
    inputs: &[StepInput],
    rows: &ShipmentRows,
    event_body: fn(&ShipmentDecision) -> Option<EventBody>,
) -> Vec<StepOutcome> {
    let outcome = |input: &StepInput| {
        let Some(row) = rows.get(&input.row_id()) else {
            let error = "the order has no shipment row after its decision".to_owned();
            return StepOutcome::Retry(error);
        };
        let order_id = input.order_id();
        let at = row.decided_at.into();
        let event =
            event_body(&row.decision).map(|body| Event { order_id, at, body, traceparent: None });
        StepOutcome::Completed(event.into_iter().collect()).unless_copy(input, Some(&row.written))
    };
    inputs.iter().map(outcome).collect()
}
