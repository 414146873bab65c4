//! Locks in the database by which one process of the cluster at a time does something. A lock is that of a session, and
//! ends with it: also if the process dies.

use std::time::Duration;

use deadpool_postgres::{ClientWrapper, Object};
use thiserror::Error;
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use crate::database::{Database, DatabaseError};

/// A lock that this process holds while the value exists.
pub struct AdvisoryLock {
    session: ClientWrapper,
    key: i64,
    limit: Duration,
}

/// It is not known whether a lock is free, or held.
#[derive(Debug, Error)]
pub enum LockError {
    /// No answer came in time.
    #[error("PostgreSQL timed out")]
    Timeout,
    /// There is no session.
    #[error(transparent)]
    Pool(#[from] DatabaseError),
    /// PostgreSQL refuses the statement.
    #[error("PostgreSQL statement failed")]
    Query(#[from] tokio_postgres::Error),
}

impl AdvisoryLock {
    /// Takes the lock `key`; `None` if another session holds it. Each question to PostgreSQL takes at most `limit`.
    pub async fn try_take(
        database: &Database,
        key: i64,
        limit: Duration,
    ) -> Result<Option<Self>, LockError> {
        let connection = timeout(limit, database.connection()).await??;
        let query =
            async { connection.query_one("SELECT pg_try_advisory_lock($1)", &[&key]).await };
        let Ok(locked) = timeout(limit, query).await else {
            // In the pool it would keep a lock that is granted late.
            drop(Object::take(connection));
            return Err(LockError::Timeout);
        };
        let is_granted: bool = locked?.try_get(0)?;
        // It is taken from the pool for good: the lock ends when it is closed.
        Ok(is_granted.then(|| Self { session: Object::take(connection), key, limit }))
    }

    /// Succeeds if the lock is still held, since its session lasts.
    pub async fn confirm(&self) -> Result<(), LockError> {
        Ok(timeout(self.limit, self.session.batch_execute("SELECT 1")).await??)
    }

    /// Ends the lock at once. That of a session that is closed ends when PostgreSQL notices it.
    pub async fn release(self) {
        let released =
            async { self.session.execute("SELECT pg_advisory_unlock($1)", &[&self.key]).await };
        if !matches!(timeout(self.limit, released).await, Ok(Ok(_))) {
            tracing::debug!(key = self.key, "lock not released before its session ends");
        }
    }
}

impl From<Elapsed> for LockError {
    fn from(_: Elapsed) -> Self {
        Self::Timeout
    }
}
