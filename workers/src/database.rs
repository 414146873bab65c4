//! The way to PostgreSQL: a small pool, sessions that cannot hold a lock for long, and what an
//! error of the database means.

use std::time::Duration;

use clap::Args;
use deadpool_postgres::{
    Hook, ManagerConfig, Object, Pool, PoolConfig, PoolError, RecyclingMethod, Runtime, Timeouts,
};
use thiserror::Error;
use tokio::time::timeout;
use tokio_postgres::NoTls;
use tokio_postgres::error::SqlState;

use crate::task::StepError;

/// One connection for each of a step's loops, two for questions and one for the sweep: a worker never
/// needs more, and PostgreSQL commits fastest from few.
const CONNECTIONS_MAX: usize = 9;
/// How long a connection may take to come; then the database counts as down.
const CONNECTION_WAIT: Duration = Duration::from_secs(5);
/// A set of orders takes milliseconds. The time-outs make sure that a worker that is paused in the
/// middle of a transaction cannot hold the hot SKUs.
///
/// Each statement reaches a few hundred rows by their keys, in one of the plans that are left here.
/// Of its own, the planner, which knows nothing of a new table and takes reading here and there for
/// dear, would read whole tables for each set.
const SESSION: &str = "SET statement_timeout = '10s'; SET lock_timeout = '5s'; \
     SET idle_in_transaction_session_timeout = '3s'; \
     SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off";
/// A connection whose other end has vanished is given up after this; the kernel would try for a
/// quarter of an hour.
const SILENCE_MAX: Duration = Duration::from_secs(10);
/// How long a transaction may take, with each of its few statements within its own limit.
const TRANSACTION_WAIT: Duration = Duration::from_secs(30);
/// Tries of a transaction that meets a deadlock or another worker's row.
const TRANSACTION_TRIES: u32 = 5;

/// A pool of connections to the database. Cheap to clone.
#[derive(Clone)]
pub struct Database(Pool);

/// Why the database gave no answer.
#[derive(Debug, Error)]
pub enum DatabaseError {
    /// No connection could be had.
    #[error("no connection to PostgreSQL")]
    Unreachable(#[from] PoolError),
    /// PostgreSQL refused a statement.
    #[error("PostgreSQL refused a statement")]
    Refused(#[from] tokio_postgres::Error),
    /// No answer came in time.
    #[error("PostgreSQL fell silent")]
    Silent,
    /// The transaction met another one that does the same; trying again helps.
    #[error("another worker was faster")]
    Overtaken,
}

/// The database's URL cannot be used.
#[derive(Debug, Error)]
#[error("the database URL cannot be used")]
pub struct UrlError(#[source] Box<dyn std::error::Error + Send + Sync>);

/// The database.
#[derive(Clone, Args)]
pub struct DatabaseConfig {
    /// PostgreSQL: postgres://USER:PASSWORD@HOST:PORT/DATABASE
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_parser = url)]
    pub database_url: String,
}

/// Checks a URL of PostgreSQL, so that a fault is found before anything starts.
pub fn url(text: &str) -> Result<String, tokio_postgres::Error> {
    text.parse::<tokio_postgres::Config>()?;
    Ok(text.to_owned())
}

impl Database {
    /// A pool for `url` (`postgres://user@host:port/database`). Nothing is connected yet.
    pub fn open(url: &str) -> Result<Self, UrlError> {
        let mut config: tokio_postgres::Config =
            url.parse().map_err(|err| UrlError(Box::new(err)))?;
        config.tcp_user_timeout(SILENCE_MAX).keepalives_idle(SILENCE_MAX);
        // What was given up in the middle of a statement must not be used for the next one.
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Verified };
        let manager = deadpool_postgres::Manager::from_config(config, NoTls, recycling);
        let session = Hook::async_fn(|client: &mut deadpool_postgres::ClientWrapper, _| {
            Box::pin(async move {
                client.batch_execute(SESSION).await.map_err(|err| {
                    deadpool_postgres::HookError::message(format!("session not set up: {err}"))
                })
            })
        });
        let wait = Some(CONNECTION_WAIT);
        let pool = Pool::builder(manager)
            .config(PoolConfig::new(CONNECTIONS_MAX))
            .timeouts(Timeouts { wait, create: wait, recycle: wait })
            .runtime(Runtime::Tokio1)
            .post_create(session)
            .build();
        pool.map(Self).map_err(|err| UrlError(Box::new(err)))
    }

    /// A connection.
    pub async fn connection(&self) -> Result<Object, DatabaseError> {
        Ok(self.0.get().await?)
    }

    /// Whether the database answers.
    pub async fn probe(&self) -> Result<(), DatabaseError> {
        Ok(self.connection().await?.batch_execute("SELECT 1").await?)
    }

    /// Runs `transaction` until it meets no other one: deadlocks, serialization failures and rows
    /// that another worker wrote first are tried again a few times.
    pub async fn settled<T>(
        &self,
        mut transaction: impl AsyncFnMut(&mut Object) -> Result<T, DatabaseError>,
    ) -> Result<T, StepError> {
        let mut attempts = 1;
        loop {
            let attempt = async { transaction(&mut self.connection().await?).await };
            let attempt = timeout(TRANSACTION_WAIT, attempt).await;
            match attempt.unwrap_or(Err(DatabaseError::Silent)) {
                Err(err) if err.is_collision() && attempts < TRANSACTION_TRIES => attempts += 1,
                result => return result.map_err(StepError::from),
            }
        }
    }
}

impl DatabaseError {
    fn code(&self) -> Option<&SqlState> {
        match self {
            Self::Refused(err) => err.code(),
            Self::Unreachable(_) | Self::Silent | Self::Overtaken => None,
        }
    }

    fn is_collision(&self) -> bool {
        let collisions = [&SqlState::T_R_DEADLOCK_DETECTED, &SqlState::T_R_SERIALIZATION_FAILURE];
        matches!(self, Self::Overtaken)
            || self.code().is_some_and(|code| collisions.contains(&code))
    }

    /// Classes 22 (data exception) and 23 (integrity constraint violation), and values that cannot
    /// be read from a row: the records' fault. Everything else is the database's. (PostgreSQL
    /// manual, appendix A)
    fn is_data(&self) -> bool {
        let Self::Refused(err) = self else { return false };
        let is_unreadable = || {
            let cause = std::error::Error::source(err);
            !err.is_closed() && cause.is_some_and(|cause| !cause.is::<std::io::Error>())
        };
        match err.code() {
            Some(code) => matches!(&code.code()[..2], "22" | "23"),
            None => is_unreadable(),
        }
    }
}

impl From<DatabaseError> for StepError {
    fn from(err: DatabaseError) -> Self {
        if err.is_data() {
            Self::Data(Box::new(err))
        } else {
            Self::Down { dependency: "PostgreSQL", source: Box::new(err) }
        }
    }
}
