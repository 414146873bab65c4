//! Analytics: sales by minute and SKU, and by minute and country, counted once for each order when it is fulfilled.
//! No order waits for it.

mod audit;
mod count;
mod rebuild;
mod report;

use orders::EventKind;
use streams::{Pool, Step, StepKind};

use crate::database::Database;
use crate::observer::{Observer, ObserverReport};
use crate::privilege::Privilege;
use crate::proof::Proof;
use crate::stage::{Dependency, Stage, StageState, StageStep, StartError, WorkerContext};

/// The pool that counts sales.
const POOL: Pool = Pool::new("analytics");

/// Adds the lines of an order to the sales of its minute and of its country.
const COUNT: Step =
    Step { name: "count", pool: POOL, kind: StepKind::Observer, consumes: &[EventKind::Fulfilled] };

/// The stage.
pub(crate) const STAGE: Stage<Analytics> = Stage {
    pool: POOL,
    about: "Count sales by minute, SKU and country",
    steps: &[StageStep {
        step: COUNT,
        // A second set would wait for the sums of the minute that the first one has locked.
        concurrency: 1,
        proofs: &[Proof { kind: EventKind::Fulfilled, view: "fulfilment.fulfilled" }],
        depends_on: &[Dependency::Database],
        run: |analytics, inputs| Box::pin(count::count(&analytics.database, inputs)),
    }],
    publishes: &[],
    notices: &[],
    purges: false,
    migrations: || embedded::migrations::runner(),
    privileges: &[
        Privilege { on: "inventory.placed_orders", rights: "SELECT" },
        Privilege { on: "inventory.order_countries", rights: "SELECT" },
        Privilege { on: "fulfilment.shipped_orders", rights: "SELECT" },
        Privilege { on: "workers.missed_messages", rights: "SELECT, INSERT, UPDATE" },
    ],
    background: &[],
    queries: &[],
    order_rows: None,
    observer: Some(Observer {
        rebuild_page: |analytics, after, size| {
            Box::pin(rebuild::rebuild_page(&analytics.database, after, size))
        },
        audit: |database, scope| Box::pin(audit::audit(database, scope)),
        report: ObserverReport {
            about: "Show sales by minute, SKU and country",
            add_options: report::add_options,
            write: |database, options| Box::pin(report::write(database, options)),
        },
    }),
};

/// The state of analytics in a running worker.
pub(crate) struct Analytics {
    database: Database,
}

impl StageState for Analytics {
    type Config = ();

    fn start((): (), worker: &WorkerContext) -> Result<Self, StartError> {
        Ok(Self { database: worker.database.clone() })
    }
}

mod embedded {
    refinery::embed_migrations!("src/analytics/migrations");
}
