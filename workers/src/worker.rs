//! One worker process: the consumer loops of one pool, its background tasks, and its request
//! handlers.

use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use deadpool_postgres::Object;
use streams::{ConnectError, Connection, Fetcher, Publisher, ServiceError, WorkerState};
use thiserror::Error;
use tokio::task::{JoinSet, LocalSet};
use tokio_util::sync::CancellationToken;

use crate::config::{Config, PaymentTimeout, WorkerConfig};
use crate::consumer::{Consumer, DRAIN_TIMEOUT, sources_of};
use crate::database::{Database, DatabaseError, UrlError};
use crate::inventory::Sweep;
use crate::payment::PaymentStage;
use crate::payment::breaker::Breaker;
use crate::payment::guarded_provider::{self, GuardedProvider};
use crate::payment::provider::{ConfigError, Provider};
use crate::queries::{serve_status, serve_stock};
use crate::stages::{Stage, Stages};
use crate::{fulfilment, inventory, janitor, payment, poison_guard};

/// The maximum duration of a worker's shutdown. It drains, and naks what it could not process, for
/// which 8 s are enough: 4 s until a late broker has sent the requested messages, 2 s to clear the
/// in-progress marks in the database, and 2 s until everything is flushed.
pub const SHUTDOWN_MAX: Duration = DRAIN_TIMEOUT.saturating_add(Duration::from_secs(8));

/// Why a worker could not start or stopped early.
#[derive(Debug, Error)]
pub enum WorkerError {
    /// The brokers cannot be reached.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The database URL is invalid.
    #[error(transparent)]
    DatabaseUrl(#[from] UrlError),
    /// The configuration of the payment provider is invalid.
    #[error(transparent)]
    Provider(#[from] ConfigError),
    /// The database could not be migrated.
    #[error("database migration failed")]
    Migrate(#[source] Box<dyn std::error::Error + Send + Sync>),
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
    let WorkerConfig { brokers, batch, database } = config.worker().clone();
    let database = Database::open(&database.database_url)?;
    let connection = Connection::open(&brokers.nats_url, pool.as_str()).await?;
    let publisher = Publisher::new(connection.clone());
    let mut breaker = None;
    let mut sweep = None;
    let stage = match config {
        Config::Inventory { payment: PaymentTimeout { payment_timeout }, .. } => {
            sweep = Some(Sweep {
                database: database.clone(),
                publisher: publisher.clone(),
                payment_timeout,
                max_batch: batch.max_batch,
            });
            Stage::Inventory
        }
        Config::Payment {
            payment: PaymentTimeout { payment_timeout }, provider: config, ..
        } => {
            let provider =
                Provider::new(&config.provider_url, &config.provider_key, config.limits)?;
            let shared = Arc::new(Mutex::new(Breaker::new(config.breaker)));
            breaker = Some(shared.clone());
            let provider = GuardedProvider::new(provider, shared, connection.clone());
            let payment = PaymentStage { database: database.clone(), provider, payment_timeout };
            Stage::Payment(Box::new(payment))
        }
        Config::Fulfilment { fulfilment, .. } => Stage::Fulfilment(fulfilment),
    };
    let stages = Stages { stage, database: database.clone(), run_id: rand::random() };
    let consumer = Rc::new(Consumer { stages, publisher, max_batch: batch.max_batch });
    let report_state = move || WorkerState {
        breaker: breaker.as_ref().map(|breaker| guarded_provider::lock(breaker).state().to_owned()),
    };
    let service = connection.register_worker(pool, report_state).await?;
    let status_requests = service.requests(streams::subjects::STATUS_GET).await?;

    let local_set = LocalSet::new();
    let run_tasks = local_set.run_until(async {
        let mut tasks = JoinSet::new();
        if let Some(sweep) = sweep {
            tasks.spawn_local(sweep.run(shutdown.clone()));
            tasks.spawn_local(janitor::run(connection.clone(), shutdown.clone()));
            let stock_requests = service.requests(streams::subjects::STOCK_GET).await?;
            tasks.spawn_local(serve_stock(stock_requests, database.clone(), shutdown.clone()));
        }
        for step in pool.steps() {
            for source in sources_of(step) {
                let fetcher = Fetcher::new(connection.clone(), source);
                let consumer = consumer.clone();
                let shutdown = shutdown.clone();
                tasks.spawn_local(async move { consumer.run(step, fetcher, shutdown).await });
            }
        }
        tasks.spawn_local(serve_status(status_requests, database, shutdown.clone()));
        tracing::info!(%pool, "worker started");
        while let Some(result) = tasks.join_next().await {
            // A worker that lost one of its loops would look healthy and leave orders unprocessed.
            result.map_err(WorkerError::TaskPanicked)?;
        }
        Ok::<_, WorkerError>(())
    });
    run_tasks.await?;
    connection.flush().await;
    tracing::info!(%pool, "worker stopped");
    Ok(())
}

/// Creates or migrates the tables of every stage. Safe to run from any process, repeatedly and
/// concurrently.
pub async fn migrate(database: &Database) -> Result<(), WorkerError> {
    // Advisory lock: keeps concurrent processes from creating the same table twice.
    const LOCK: i64 = 0x4d_49_4c_4c_52_41_43_45;
    let connect_and_lock = async {
        let connection = database.connection().await?;
        // Another process may migrate for longer than the limits of a normal session.
        connection.batch_execute("SET lock_timeout = 0; SET statement_timeout = 0").await?;
        connection.execute("SELECT pg_advisory_lock($1)", &[&LOCK]).await?;
        Ok::<_, DatabaseError>(connection)
    };
    let mut connection = connect_and_lock.await.map_err(migrate_error)?;
    let stages = [
        ("inventory", inventory::migrations()),
        ("payment", payment::migrations()),
        ("fulfilment", fulfilment::migrations()),
        ("workers", poison_guard::migrations()),
    ];
    let mut result = Ok(());
    for (stage, mut migrations) in stages {
        migrations.set_migration_table_name(format!("{stage}_migrations"));
        if let Err(err) = migrations.run_async(&mut **connection).await {
            result = Err(migrate_error(err));
            break;
        }
    }
    // Closes the session, and with it discards its settings and releases the lock.
    drop(Object::take(connection));
    result
}

fn migrate_error(err: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> WorkerError {
    WorkerError::Migrate(err.into())
}
