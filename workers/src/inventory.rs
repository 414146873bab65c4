//! Inventory: reserves the stock of all lines of an order, or of none, and releases it. Its sweep
//! requests the cancellation of orders whose reservation is not paid in time.

pub mod balance;
pub mod decided_orders;
mod decision;
pub mod erasure;
mod listing;
mod locked_stock;
#[cfg(test)]
pub(crate) mod model;
mod order_contents;
mod payment_pauses;
mod release;
mod reservation;
mod reserve;
pub mod stock;
mod sweep;

use orders::{Event, EventKind, ListingQuery, OrderId, Sku};
use streams::{Pool, PoolSetting, SettingWatch, Step, StepKind, subjects};

use crate::database::Database;
use crate::janitor::Janitor;
use crate::order_rows::{OrderRows, RowState};
use crate::payment;
use crate::payment_timeout::PaymentTimeout;
use crate::privilege::Privilege;
use crate::proof::Proof;
use crate::queries::serve;
use crate::stage::{
    Dependency, Query, ReadStatuses, Stage, StageState, StageStep, StartError, WorkerContext,
};
use crate::step_input::{StepError, row_id};

pub use release::release;
pub use reserve::reserve;
use sweep::Sweep;

/// The pool that reserves stock and releases it.
pub const POOL: Pool = Pool::new("inventory");

/// Reserves the stock of all lines of an order, or of none.
pub const RESERVE: Step =
    Step { name: "reserve", pool: POOL, kind: StepKind::Action, consumes: &[EventKind::Created] };

/// Undoes [`RESERVE`]: returns the stock.
pub const RELEASE: Step = Step {
    name: "release",
    pool: POOL,
    kind: StepKind::Undo,
    consumes: &[EventKind::Declined, EventKind::Refunded],
};

/// The stage.
pub(crate) const STAGE: Stage<Inventory> = Stage {
    pool: POOL,
    about: "Reserve stock and release it",
    steps: &[
        StageStep {
            step: RESERVE,
            // A second set would wait for the SKUs that the first one has locked.
            concurrency: 1,
            proofs: &[],
            depends_on: &[Dependency::Database],
            run: |inventory, inputs| Box::pin(reserve(&inventory.database, inputs)),
        },
        StageStep {
            step: RELEASE,
            concurrency: 1,
            proofs: &[
                Proof { kind: EventKind::Declined, view: "payment.declined" },
                Proof { kind: EventKind::Refunded, view: "payment.refunded" },
            ],
            depends_on: &[Dependency::Database],
            run: |inventory, inputs| Box::pin(release(&inventory.database, inputs)),
        },
    ],
    publishes: &[
        EventKind::Reserved,
        EventKind::Rejected,
        EventKind::Conflicted,
        EventKind::Cancelled,
        // Of reservations that expire.
        EventKind::CancelRequested,
    ],
    notices: &[],
    purges: true,
    migrations: || embedded::migrations::runner(),
    // What the janitor purges although an observer has not processed it.
    privileges: &[Privilege { on: "workers.missed_messages", rights: "INSERT" }],
    background: &[
        |inventory, shutdown| Box::pin(async move { inventory.sweep.run(shutdown).await }),
        |inventory, shutdown| {
            Box::pin(async move {
                shutdown.run_until_cancelled(inventory.sweep.payment.follow()).await;
            })
        },
        |inventory, shutdown| Box::pin(async move { inventory.janitor.run(shutdown).await }),
    ],
    queries: &[
        Query {
            subject: subjects::STOCK_GET,
            serve: |inventory, requests, shutdown| {
                Box::pin(async move {
                    let database = &inventory.database;
                    let query = async |skus: Vec<Sku>| {
                        let views = stock::look_up(database, &skus).await?;
                        Ok(views.into_iter().map(Ok).collect())
                    };
                    serve(requests, database, shutdown, query).await;
                })
            },
        },
        Query {
            subject: subjects::CONTENTS_GET,
            serve: |inventory, requests, shutdown| {
                Box::pin(async move {
                    let database = &inventory.database;
                    let query =
                        async |ids: Vec<OrderId>| order_contents::look_up(database, &ids).await;
                    serve(requests, database, shutdown, query).await;
                })
            },
        },
        Query {
            subject: subjects::LISTING_GET,
            serve: |inventory, requests, shutdown| {
                Box::pin(async move {
                    let database = &inventory.database;
                    let query = async |queries: Vec<ListingQuery>| {
                        // Edges ask for one page at a time.
                        let mut pages = Vec::with_capacity(queries.len());
                        for query in &queries {
                            pages.push(Ok(Some(
                                listing::list(database, inventory.statuses, query).await?,
                            )));
                        }
                        Ok(pages)
                    };
                    serve(requests, database, shutdown, query).await;
                })
            },
        },
    ],
    order_rows: Some(OrderRows {
        view: "inventory.order_states",
        states: &[
            RowState { name: "reserved", events: &[CREATED, RESERVED] },
            RowState { name: "rejected", events: &[CREATED, (EventKind::Rejected, "decided_at")] },
            RowState {
                name: "released",
                events: &[CREATED, RESERVED, (EventKind::Cancelled, "released_at")],
            },
            RowState { name: "barred", events: &[(EventKind::Cancelled, "decided_at")] },
        ],
        has_reason: true,
        has_next_action: false,
        has_digest: true,
    }),
    observer: None,
};

const CREATED: (EventKind, &str) = (EventKind::Created, "placed_at");
const RESERVED: (EventKind, &str) = (EventKind::Reserved, "decided_at");

/// The state of inventory in a running worker.
pub(crate) struct Inventory {
    database: Database,
    statuses: ReadStatuses,
    sweep: Sweep,
    janitor: Janitor,
}

impl StageState for Inventory {
    type Config = PaymentTimeout;

    fn start(config: PaymentTimeout, worker: &WorkerContext) -> Result<Self, StartError> {
        let WorkerContext {
            database,
            connection,
            routes,
            publisher,
            max_batch,
            all_steps,
            statuses,
        } = worker.clone();
        let PaymentTimeout { payment_timeout } = config;
        let payment = SettingWatch::<PoolSetting>::new(routes, payment::POOL.as_str());
        let sweep =
            Sweep { database: database.clone(), publisher, payment_timeout, payment, max_batch };
        Ok(Self {
            sweep,
            statuses,
            janitor: Janitor { connection, database: database.clone(), steps: all_steps },
            database,
        })
    }
}

/// The event by which inventory has ended an order: `rejected` or `cancelled`; `None` for any other one.
pub(crate) async fn ended_event(
    database: &Database,
    order_id: OrderId,
) -> Result<Option<Event>, StepError> {
    let id = row_id(order_id);
    let row = database.with_retries(async |client| reservation::find(client, id).await).await?;
    Ok(row.and_then(|row| row.ended()))
}

mod embedded {
    refinery::embed_migrations!("src/inventory/migrations");
}
