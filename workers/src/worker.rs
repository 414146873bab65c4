//! One worker process: the consumer loops of one pool, its background tasks, and its request
//! handlers.

use std::iter;
use std::rc::Rc;

use streams::{
    ConnectError, Connection, Fetcher, LaneLeaders, Pool, PoolControl, Publisher, PullGate, Routes,
    Service, ServiceError, Step, StepKind, Topology, WorkerState, follow_first_member, subjects,
};
use thiserror::Error;
use tokio::sync::{Notify, watch};
use tokio::task::{JoinSet, LocalSet};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::config::{Config, WorkerConfig};
use crate::consumer::Consumer;
use crate::database::UrlError;
use crate::lag_reports::LagReports;
use crate::leader_keeper::LeaderKeeper;
use crate::order_view::{serve_status, statuses};
use crate::paused_consumers::PausedConsumers;
use crate::poison_isolation::PoisonIsolation;
use crate::running_stage::{RunningStep, StartedStage};
use crate::stage::{StartError, WorkerContext};
use crate::stages;
use crate::topology_keeper::TopologyKeeper;
use crate::work_counts::WorkCounts;

/// Why a worker could not start or stopped early.
#[derive(Debug, Error)]
pub enum WorkerError {
    /// The brokers cannot be reached.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The database URL is invalid.
    #[error(transparent)]
    DatabaseUrl(#[from] UrlError),
    /// The stage could not start, for example because its configuration is invalid.
    #[error("stage could not start")]
    Stage(#[source] StartError),
    /// One of the worker's tasks panicked.
    #[error("worker task panicked")]
    TaskPanicked(#[source] tokio::task::JoinError),
    /// The worker could not be registered as a NATS service.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

/// Runs a worker of a pool until `shutdown`, then drains. Everything runs on the calling thread: a
/// worker waits far more than it computes, and it scales by the number of processes.
pub async fn run(config: Config, shutdown: CancellationToken) -> Result<(), WorkerError> {
    let pool = config.pool();
    let worker = open(&config.worker, pool.as_str()).await?;
    let StartedStage { steps, background, queries, reporter } =
        config.stage.start(&config.options, &worker).map_err(WorkerError::Stage)?;
    let control = PoolControl::new(worker.routes.clone(), pool);
    let (reported, counts) = (control.clone(), WorkCounts::default());
    let (counted, ending) = (counts.clone(), shutdown.clone());
    let report = move || {
        let pull = reported.report();
        let pull = if ending.is_cancelled() { pull.of_ending() } else { pull };
        WorkerState { pull, work: counted.report(), ..reporter() }
    };
    let profile = config.worker.brokers.profile;
    let service = worker.connection.register_worker(pool, profile, report).await?;
    let id = service.id().await;

    let local_set = LocalSet::new();
    let run_tasks = local_set.run_until(async {
        let mut tasks = JoinSet::new();
        for task in background {
            tasks.spawn_local(task(shutdown.clone()));
        }
        for query in queries {
            let requests = service.requests(query.subject).await?;
            tasks.spawn_local((query.serve)(requests, shutdown.clone()));
        }
        spawn_status(&mut tasks, &service, &worker, &shutdown).await?;
        // Held by each consumer loop.
        let processed = CancellationToken::new();
        let processing = Rc::new(processed.clone().drop_guard());
        if config.stage.access().purges {
            spawn_lag_reports(&mut tasks, &service, &worker, (pool, &id, &processed));
        }
        let sources = config.stage.steps().iter().map(Step::events).collect();
        let _routes_watch = worker.routes.watch(sources);
        let fetch_failed = Rc::new(Notify::new());
        let keeper = TopologyKeeper {
            connection: worker.connection.clone(),
            topology: Topology::new(config.worker.brokers.profile),
            steps: kept_steps(&config),
            paused: PausedConsumers::new(worker.connection.clone(), config.stage.steps()),
            fetch_failed: fetch_failed.clone(),
        };
        tasks.spawn_local(keeper.run(shutdown.clone()));
        let leaders = LaneLeaders::new(worker.routes.clone(), stages::steps());
        let keeper = LeaderKeeper { database: worker.database.clone(), leaders };
        tasks.spawn_local(keeper.run(shutdown.clone()));
        let (kept, routes, until) = (control.clone(), worker.routes.clone(), shutdown.clone());
        tasks.spawn_local(async move {
            until.run_until_cancelled(kept.keep(routes, pool, id)).await;
        });
        let control = (&control.gate(), &counts, &fetch_failed, &shutdown);
        spawn_consumers(&mut tasks, steps, &worker, control, &processing);
        drop(processing);
        tracing::info!(%pool, "worker started");
        while let Some(result) = tasks.join_next().await {
            // A worker that lost one of its loops would look healthy and leave orders unprocessed.
            result.map_err(WorkerError::TaskPanicked)?;
        }
        Ok::<_, WorkerError>(())
    });
    run_tasks.await?;
    worker.connection.flush().await;
    tracing::info!(%pool, "worker stopped");
    Ok(())
}

async fn open(config: &WorkerConfig, name: &str) -> Result<WorkerContext, WorkerError> {
    let database = config.database.open()?;
    let access = config.brokers.access();
    let connection = Connection::open(&access, name).await?;
    let routes = Routes::to_each_broker(connection.clone(), &access, name).await?;
    Ok(WorkerContext {
        database,
        publisher: Publisher::new(routes.clone()),
        routes,
        connection,
        max_batch: config.batch.max_batch,
        all_steps: stages::steps().into(),
        statuses,
    })
}

/// The steps whose consumers every worker keeps: all but those of observers of other pools, which may
/// never have been started.
fn kept_steps(config: &Config) -> Vec<Step> {
    let is_kept = |step: &Step| !step.is_observer() || step.pool == config.pool();
    stages::steps().into_iter().filter(is_kept).collect()
}

/// Serves order status. Any worker can.
async fn spawn_status(
    tasks: &mut JoinSet<()>,
    service: &Service,
    worker: &WorkerContext,
    shutdown: &CancellationToken,
) -> Result<(), ServiceError> {
    let requests = service.requests(subjects::STATUS_GET).await?;
    tasks.spawn_local(serve_status(requests, worker.database.clone(), shutdown.clone()));
    Ok(())
}

/// Answers for the backlog of every pool, in the first of the workers of its own pool, until it has `processed` what it
/// has pulled: as long as it answers the others, none of them is the first.
fn spawn_lag_reports(
    tasks: &mut JoinSet<()>,
    service: &Service,
    worker: &WorkerContext,
    (pool, id, processed): (Pool, &str, &CancellationToken),
) {
    let (is_first, seen) = watch::channel(false);
    let (routes, id, until) = (worker.routes.clone(), id.to_owned(), processed.clone());
    tasks.spawn_local(async move {
        until.run_until_cancelled(follow_first_member(routes, pool, id, &is_first)).await;
    });
    for access in stages::accesses() {
        let reports = LagReports::new(worker.connection.clone(), access);
        tasks.spawn_local(reports.serve(service.clone(), seen.clone(), processed.clone()));
    }
}

/// The consumer loops of each step: one for retries, and one for each concurrent set of events. What undoes is not
/// behind the gate: refunds and releases do not wait for the end of a pause. The last loop to end drops `processing`.
fn spawn_consumers(
    tasks: &mut JoinSet<()>,
    steps: Vec<RunningStep>,
    worker: &WorkerContext,
    (gate, counts, fetch_failed, shutdown): (
        &PullGate,
        &WorkCounts,
        &Rc<Notify>,
        &CancellationToken,
    ),
    processing: &Rc<DropGuard>,
) {
    let isolation = PoisonIsolation { database: worker.database.clone(), run_id: rand::random() };
    for step in steps {
        let (routes, events) = (&worker.routes, step.step.events());
        let retries = iter::once(Fetcher::new(routes.clone(), step.step.retries()));
        let is_undo = step.step.kind == StepKind::Undo;
        for fetcher in retries.chain(Fetcher::several(routes, &events, step.concurrency)) {
            let fetcher = if is_undo { fetcher } else { fetcher.behind(gate) };
            let consumer = Consumer {
                step: step.clone(),
                isolation: isolation.clone(),
                counts: counts.clone(),
                publisher: worker.publisher.clone(),
                max_batch: worker.max_batch,
                fetch_failed: fetch_failed.clone(),
            };
            let (shutdown, processing) = (shutdown.clone(), processing.clone());
            tasks.spawn_local(async move {
                consumer.run(fetcher, shutdown).await;
                drop(processing);
            });
        }
    }
}
