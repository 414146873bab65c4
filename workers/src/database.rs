//! Access to PostgreSQL: a small connection pool, sessions that cannot hold a lock for long, and
//! the classification of database errors.

mod connector;
mod database_url;
mod tls;

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::Args;
use deadpool_postgres::{
    Hook, Manager, ManagerConfig, Object, Pool, PoolConfig, PoolError, RecyclingMethod, Runtime,
    Timeouts,
};
use orders::is_unknown_name;
use thiserror::Error;
use tokio::time::timeout;
use tokio_postgres::config::Host;
use tokio_postgres::error::SqlState;

use crate::limits::{
    CONNECTION_TIMEOUT, CONNECTIONS_MAX, TCP_TIMEOUT, TRANSACTION_ATTEMPTS_MAX, TRANSACTION_TIMEOUT,
};
use crate::step_input::StepError;
use connector::Connector;
pub use connector::{SessionError, connect};
use database_url::split;
pub use database_url::{InvalidDatabaseUrl, url};
pub use tls::client_config;

/// Settings of each session.
///
/// A set of orders takes milliseconds. The timeouts ensure that a worker that is paused in the
/// middle of a transaction cannot hold locks on hot SKUs.
///
/// Each statement reads a few hundred rows by key, for which the remaining plans are right. On a
/// new table without statistics the planner overestimates random reads and would choose a
/// sequential scan for each set.
const SESSION_SETTINGS: &str = "SET statement_timeout = '10s'; SET lock_timeout = '5s'; \
     SET idle_in_transaction_session_timeout = '3s'; \
     SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off";

/// A pool of database connections. Cheap to clone.
#[derive(Clone)]
pub struct Database(Pool);

/// Why a database operation failed.
#[derive(Debug, Error)]
pub enum DatabaseError {
    /// No connection could be obtained.
    #[error("cannot connect to PostgreSQL")]
    Unreachable(#[from] PoolError),
    /// A statement failed, or a value of its result could not be read.
    #[error("PostgreSQL statement failed")]
    StatementFailed(#[from] tokio_postgres::Error),
    /// PostgreSQL did not respond in time.
    #[error("PostgreSQL timed out")]
    Timeout,
    /// Another transaction inserted a row of the same order first; a retry finds that row.
    #[error("lost a race with another worker")]
    LostRace,
    /// A row is in a state that this version does not know.
    #[error("{relation} has a row in the unknown state `{state}`")]
    UnknownState {
        /// The table or view, with its schema.
        relation: &'static str,
        /// The unknown state.
        state: String,
    },
}

/// The database URL is invalid.
#[derive(Debug, Error)]
#[error("invalid database URL")]
pub struct UrlError(#[source] Box<dyn std::error::Error + Send + Sync>);

/// The configuration of the database.
#[derive(Clone, Args)]
pub struct DatabaseConfig {
    /// PostgreSQL: postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full&sslrootcert=FILE
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_parser = url)]
    pub database_url: String,
    /// File with the password of the database's user, if the URL has none; it is read for each new session
    #[arg(long, env = "DATABASE_PASSWORD_FILE", value_name = "FILE")]
    pub database_password_file: Option<PathBuf>,
}

impl DatabaseConfig {
    /// The database at `url`, which has the password.
    pub fn new(url: &str) -> Self {
        Self { database_url: url.to_owned(), database_password_file: None }
    }

    /// A pool of connections. Does not connect yet.
    pub fn open(&self) -> Result<Database, UrlError> {
        Database::open_with_password(&self.database_url, self.database_password_file.as_deref())
    }
}

impl Database {
    /// A pool for `url` (`postgres://user@host:port/database`). Does not connect yet.
    pub fn open(url: &str) -> Result<Self, UrlError> {
        Self::open_with_password(url, None)
    }

    fn open_with_password(url: &str, password_file: Option<&Path>) -> Result<Self, UrlError> {
        // A connection that was abandoned in the middle of a statement must not be reused.
        let manager = manager(url, password_file, RecyclingMethod::Verified)?;
        let set_up_session = Hook::async_fn(|client: &mut deadpool_postgres::ClientWrapper, _| {
            Box::pin(async move {
                client.batch_execute(SESSION_SETTINGS).await.map_err(|err| {
                    deadpool_postgres::HookError::message(format!("session not set up: {err}"))
                })
            })
        });
        let limit = Some(CONNECTION_TIMEOUT);
        let pool = Pool::builder(manager)
            .config(PoolConfig::new(CONNECTIONS_MAX))
            .timeouts(Timeouts { wait: limit, create: limit, recycle: limit })
            .runtime(Runtime::Tokio1)
            .post_create(set_up_session)
            .build();
        pool.map(Self).map_err(|err| UrlError(Box::new(err)))
    }

    /// A connection from the pool.
    pub async fn connection(&self) -> Result<Object, DatabaseError> {
        Ok(self.0.get().await?)
    }

    /// Checks that the database responds.
    pub async fn probe(&self) -> Result<(), DatabaseError> {
        Ok(self.connection().await?.batch_execute("SELECT 1").await?)
    }

    /// The time of the database, by which deadlines are decided: it is the same for all workers.
    pub async fn time(&self) -> Result<SystemTime, StepError> {
        let read = async |connection: &mut Object| {
            let select = connection.prepare_cached("SELECT now()").await?;
            Ok(connection.query_one(&select, &[]).await?.try_get(0)?)
        };
        self.with_retries(read).await
    }

    /// Runs `transaction` and retries it a few times if it conflicts with another one: on
    /// deadlocks, serialization failures and rows that another worker inserted first.
    pub async fn with_retries<T>(
        &self,
        mut transaction: impl AsyncFnMut(&mut Object) -> Result<T, DatabaseError>,
    ) -> Result<T, StepError> {
        let mut attempts = 1;
        loop {
            let attempt = async { transaction(&mut self.connection().await?).await };
            let attempt = timeout(TRANSACTION_TIMEOUT, attempt).await;
            match attempt.unwrap_or(Err(DatabaseError::Timeout)) {
                Err(err) if err.is_conflict() && attempts < TRANSACTION_ATTEMPTS_MAX => {
                    attempts += 1;
                }
                result => return result.map_err(StepError::from),
            }
        }
    }
}

/// What opens the sessions of a pool for `url`.
pub fn manager(
    url: &str,
    password_file: Option<&Path>,
    recycling_method: RecyclingMethod,
) -> Result<Manager, UrlError> {
    let (url, tls) = split(url).map_err(|err| UrlError(Box::new(err)))?;
    let mut config: tokio_postgres::Config = url.parse().map_err(|err| UrlError(Box::new(err)))?;
    config.tcp_user_timeout(TCP_TIMEOUT).keepalives_idle(TCP_TIMEOUT);
    if tls.is_none() && config.get_hosts().iter().any(is_remote) {
        tracing::warn!(
            "sessions with PostgreSQL are not encrypted: its URL has no sslmode=verify-full"
        );
    }
    let connector = Connector { password_file: password_file.map(Path::to_path_buf), tls };
    Ok(Manager::from_connect(config, connector, ManagerConfig { recycling_method }))
}

/// Whether what is sent to this host leaves the machine.
fn is_remote(host: &Host) -> bool {
    matches!(host, Host::Tcp(name) if !matches!(&**name, "localhost" | "127.0.0.1" | "::1"))
}

impl DatabaseError {
    pub(crate) fn unknown_state(relation: &'static str, state: &str) -> Self {
        Self::UnknownState { relation, state: state.to_owned() }
    }

    fn code(&self) -> Option<&SqlState> {
        match self {
            Self::StatementFailed(err) => err.code(),
            _ => None,
        }
    }

    /// Whether the database did not answer, or the connection is lost.
    pub(crate) fn is_unreachable(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Timeout => true,
            Self::StatementFailed(err) => err.is_closed(),
            Self::LostRace | Self::UnknownState { .. } => false,
        }
    }

    fn is_conflict(&self) -> bool {
        let conflicts = [&SqlState::T_R_DEADLOCK_DETECTED, &SqlState::T_R_SERIALIZATION_FAILURE];
        matches!(self, Self::LostRace) || self.code().is_some_and(|code| conflicts.contains(&code))
    }

    /// Whether a newer version wrote a row: it is in an unknown state, or has an unknown name in its JSON.
    fn is_unsupported(&self) -> bool {
        let Self::StatementFailed(err) = self else {
            return matches!(self, Self::UnknownState { .. });
        };
        let cause = std::error::Error::source(err);
        cause.is_some_and(|cause| is_unknown_name(&cause.to_string()))
    }

    /// Whether the records are at fault: classes 22 (data exception) and 23 (integrity constraint
    /// violation), and values that cannot be read from a row. Every other error counts as an
    /// unavailable database. (PostgreSQL manual, appendix A)
    fn is_bad_data(&self) -> bool {
        let Self::StatementFailed(err) = self else { return false };
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
        if err.is_unsupported() {
            Self::Unsupported(Box::new(err))
        } else if err.is_bad_data() {
            Self::BadData(Box::new(err))
        } else {
            Self::DependencyUnavailable { dependency: "PostgreSQL", source: Box::new(err) }
        }
    }
}
