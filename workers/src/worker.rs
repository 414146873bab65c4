//! One worker process: the loops of one pool, and answers to questions.

use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use deadpool_postgres::Object;
use streams::{ConnectError, Connection, Fetcher, Publisher, ServiceError, WorkerState};
use thiserror::Error;
use tokio::task::{JoinSet, LocalSet};
use tokio_util::sync::CancellationToken;

use crate::answers::{answer_status, answer_stock};
use crate::config::{Config, PaymentTimeout, WorkerConfig};
use crate::database::{Database, DatabaseError, UrlError};
use crate::inventory::Sweep;
use crate::payment::Payments;
use crate::payment::breaker::Breaker;
use crate::payment::guarded::{self, Guarded};
use crate::payment::provider::{ConfigError, Provider};
use crate::run::{FINISH_WITHIN, Loop, sources};
use crate::stages::{Stage, Stages};
use crate::{alone, fulfilment, inventory, janitor, payment};

/// The longest that a worker takes to end once it is asked to: it finishes what it has, or gives it
/// back, for which 8 s are enough: 4 until a late broker has sent it, 2 to note in the database that
/// nobody died of it, and 2 until all is said.
pub const END_MAX: Duration = FINISH_WITHIN.saturating_add(Duration::from_secs(8));

/// Why a worker could not start.
#[derive(Debug, Error)]
pub enum WorkerError {
    /// No broker.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// No usable database URL.
    #[error(transparent)]
    DatabaseUrl(#[from] UrlError),
    /// No usable provider.
    #[error(transparent)]
    Provider(#[from] ConfigError),
    /// The tables could not be created.
    #[error("the tables could not be brought up to date")]
    Migrate(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A part of it broke down.
    #[error("a part of the worker broke down")]
    Broken(#[source] tokio::task::JoinError),
    /// It could not be announced.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

/// Works for a pool until `shutdown`, then finishes what it has in hand. All of it runs on the
/// calling thread: a worker waits far more than it computes, and more of them are more processes.
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
            let provider = Guarded::new(provider, shared, connection.clone());
            let payments = Payments { database: database.clone(), provider, payment_timeout };
            Stage::Payment(Box::new(payments))
        }
        Config::Fulfilment { fulfilment, .. } => Stage::Fulfilment(fulfilment),
    };
    let stages = Stages { stage, database: database.clone(), process: rand::random() };
    let work = Rc::new(Loop { stages, publisher, max_batch: batch.max_batch });
    let report_state = move || WorkerState {
        breaker: breaker.as_ref().map(|breaker| guarded::lock(breaker).state().to_owned()),
    };
    let service = connection.serve(pool, report_state).await?;
    let statuses = service.questions(streams::names::STATUS_GET).await?;

    let together = LocalSet::new();
    let ended = together.run_until(async {
        let mut tasks = JoinSet::new();
        if let Some(sweep) = sweep {
            tasks.spawn_local(sweep.run(shutdown.clone()));
            tasks.spawn_local(janitor::sweep(connection.clone(), shutdown.clone()));
            let stock = service.questions(streams::names::STOCK_GET).await?;
            tasks.spawn_local(answer_stock(stock, database.clone(), shutdown.clone()));
        }
        for step in pool.steps() {
            for source in sources(step) {
                let puller = Fetcher::new(connection.clone(), source);
                let (work, shutdown) = (work.clone(), shutdown.clone());
                tasks.spawn_local(async move { work.run(step, puller, shutdown).await });
            }
        }
        tasks.spawn_local(answer_status(statuses, database, shutdown.clone()));
        tracing::info!(%pool, "worker started");
        while let Some(ended) = tasks.join_next().await {
            // A worker that lost one of its loops would look well and leave orders lying.
            ended.map_err(WorkerError::Broken)?;
        }
        Ok::<_, WorkerError>(())
    });
    ended.await?;
    connection.flush().await;
    tracing::info!(%pool, "worker stopped");
    Ok(())
}

/// Creates the tables of every stage or brings them up to date. May run anywhere, any number of
/// times, at the same time.
pub async fn migrate(database: &Database) -> Result<(), WorkerError> {
    // The lock keeps processes that start together from creating the same table twice.
    const LOCK: i64 = 0x4d_49_4c_4c_52_41_43_45;
    let locked = async {
        let connection = database.connection().await?;
        // Another process may be migrating for longer than a set of orders may wait.
        connection.batch_execute("SET lock_timeout = 0; SET statement_timeout = 0").await?;
        connection.execute("SELECT pg_advisory_lock($1)", &[&LOCK]).await?;
        Ok::<_, DatabaseError>(connection)
    };
    let mut connection = locked.await.map_err(unmigrated)?;
    let stages = [
        ("inventory", inventory::migrations()),
        ("payment", payment::migrations()),
        ("fulfilment", fulfilment::migrations()),
        ("workers", alone::migrations()),
    ];
    let mut result = Ok(());
    for (stage, mut migrations) in stages {
        migrations.set_migration_table_name(format!("{stage}_migrations"));
        if let Err(err) = migrations.run_async(&mut **connection).await {
            result = Err(unmigrated(err));
            break;
        }
    }
    // The session ends with its settings, and the lock with the session.
    drop(Object::take(connection));
    result
}

fn unmigrated(err: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> WorkerError {
    WorkerError::Migrate(err.into())
}
