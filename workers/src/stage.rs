//! What a stage is: the code of one pool, declared as one constant, [`Stage`].
//!
//! `S` is the stage's state in a running worker: what its steps, background tasks and queries need.

use std::rc::Rc;

use clap::Args;
use futures_util::future::LocalBoxFuture;
use orders::{EventKind, OrderId, Status};
use streams::{Connection, Pool, Publisher, RequestStream, Routes, Step, WorkerState};
use tokio_util::sync::CancellationToken;

use crate::database::{Database, DatabaseError};
use crate::observer::Observer;
use crate::order_rows::OrderRows;
use crate::privilege::Privilege;
use crate::proof::Proof;
use crate::step_input::{StepError, StepInput, StepOutcome};

/// A stage.
pub(crate) struct Stage<S: 'static> {
    /// The pool that runs it.
    pub(crate) pool: Pool,
    /// What it does, in a few words, for `--help`.
    pub(crate) about: &'static str,
    pub(crate) steps: &'static [StageStep<S>],
    /// The events that its steps and background tasks publish. The brokers take no others from its workers.
    pub(crate) publishes: &'static [EventKind],
    /// The subjects of the notices that it publishes.
    pub(crate) notices: &'static [&'static str],
    /// Whether its workers remove from the streams what no pool needs any more.
    pub(crate) purges: bool,
    /// Migrations of its own schema, which has the name of the pool.
    pub(crate) migrations: fn() -> refinery::Runner,
    /// What its workers may do outside of its schema, besides what workers of every pool may, and besides
    /// reading the views of `proofs`.
    pub(crate) privileges: &'static [Privilege],
    /// What it runs besides its steps, until shutdown.
    pub(crate) background: &'static [BackgroundTask<S>],
    pub(crate) queries: &'static [Query<S>],
    /// What its rows say about an order; `None` for a stage that only observes.
    pub(crate) order_rows: Option<OrderRows>,
    /// What a stage that only observes has in addition.
    pub(crate) observer: Option<Observer<S>>,
}

/// A step, and how a worker runs it.
pub(crate) struct StageStep<S: 'static> {
    pub(crate) step: Step,
    /// How many sets of events one worker processes concurrently. With more than one, a set is
    /// computed while others wait for the provider, the database or the brokers.
    pub(crate) concurrency: usize,
    /// Where what it consumes is proven. Without a proof it is only asked for something.
    pub(crate) proofs: &'static [Proof],
    /// What must be available for the step to be attempted.
    pub(crate) depends_on: &'static [Dependency<S>],
    /// Runs the step for every input. Returns one outcome for each, in the same order.
    pub(crate) run: for<'a> fn(&'a S, &'a [StepInput]) -> StepFuture<'a>,
}

/// The outcomes of a step.
pub(crate) type StepFuture<'a> = LocalBoxFuture<'a, Result<Vec<StepOutcome>, StepError>>;

/// What a step depends on.
pub(crate) enum Dependency<S> {
    Database,
    /// An external service, with the function that checks that it is available.
    Service(for<'a> fn(&'a S) -> ProbeFuture<'a>),
}

pub(crate) type ProbeFuture<'a> = LocalBoxFuture<'a, Result<(), StepError>>;

/// A task that ends on shutdown.
pub(crate) type BackgroundTask<S> = fn(Rc<S>, CancellationToken) -> LocalBoxFuture<'static, ()>;

/// Requests on a NATS subject that the pool's workers answer.
pub(crate) struct Query<S> {
    pub(crate) subject: &'static str,
    pub(crate) serve: fn(Rc<S>, RequestStream, CancellationToken) -> LocalBoxFuture<'static, ()>,
}

/// The state of a stage in a running worker.
pub(crate) trait StageState: Sized + 'static {
    /// The options of the pool's workers, besides those that every worker has; `()` for none.
    type Config: Args;

    /// Builds the state. Nothing is called yet.
    fn start(config: Self::Config, worker: &WorkerContext) -> Result<Self, StartError>;

    /// Reports the state of the worker in its NATS service statistics.
    fn reporter(&self) -> Reporter {
        Box::new(WorkerState::default)
    }
}

/// Why a stage could not start.
pub(crate) type StartError = Box<dyn std::error::Error + Send + Sync>;

/// Returns the current state of a worker.
pub(crate) type Reporter = Box<dyn Fn() -> WorkerState + Send + Sync>;

/// What every stage of a running worker may use.
#[derive(Clone)]
pub(crate) struct WorkerContext {
    pub(crate) database: Database,
    pub(crate) connection: Connection,
    /// Connections to each broker, over which messages are fetched and published.
    pub(crate) routes: Routes,
    pub(crate) publisher: Publisher,
    /// Maximum number of events in one message.
    pub(crate) max_batch: usize,
    /// The steps of all pools.
    pub(crate) all_steps: Rc<[Step]>,
    /// Reads the statuses of orders, from the rows of all pools.
    pub(crate) statuses: ReadStatuses,
}

/// Reads the status of each order; `None` if no step has processed it, or this version cannot read its rows.
pub(crate) type ReadStatuses = for<'a> fn(&'a Database, &'a [OrderId]) -> StatusesFuture<'a>;

pub(crate) type StatusesFuture<'a> = LocalBoxFuture<'a, Result<Vec<Option<Status>>, DatabaseError>>;
