//! Keeps the leaders of the lanes apart, in one worker of the cluster at a time: the one that holds a lock
//! in the database.

use deadpool_postgres::{ClientWrapper, Object};
use streams::LaneLeaders;
use thiserror::Error;
use tokio::time::error::Elapsed;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::database::{Database, DatabaseError};
use crate::error_chain::error_chain;
use crate::limits::{LEADERS_INTERVAL, LEADERS_LOCK_INTERVAL, LEADERS_LOCK_TIMEOUT};

/// The key of the lock in PostgreSQL: `lanes` in ASCII.
const LOCK: i64 = 0x006c_616e_6573;

/// Moves leaders while this worker holds the lock.
pub(crate) struct LeaderKeeper {
    pub(crate) database: Database,
    pub(crate) leaders: LaneLeaders,
}

impl LeaderKeeper {
    /// Keeps the leaders until `shutdown`.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) {
        shutdown.run_until_cancelled(self.keep()).await;
    }

    async fn keep(&mut self) {
        // The lock is that of the session, and ends with it.
        let mut session: Option<ClientWrapper> = None;
        loop {
            let locked = match session.take() {
                Some(held) => still_holds(held).await,
                None => try_lock(&self.database).await,
            };
            match locked {
                Ok(locked) => session = locked,
                Err(err) => tracing::debug!(error = error_chain(&err), "no lock for leaders"),
            }
            if session.is_none() {
                sleep(LEADERS_LOCK_INTERVAL).await;
                continue;
            }
            match self.leaders.keep().await {
                Ok(Some(next)) => tracing::info!(%next, "leaders moved"),
                Ok(None) => {}
                Err(err) => tracing::debug!(error = error_chain(&err), "leaders not seen"),
            }
            sleep(LEADERS_INTERVAL).await;
        }
    }
}

/// A session that holds the lock; `None` if another one does. It is taken from the pool for good: the lock
/// ends when it is closed.
async fn try_lock(database: &Database) -> Result<Option<ClientWrapper>, LockError> {
    let connection = timeout(LEADERS_LOCK_TIMEOUT, database.connection()).await??;
    let query = connection.query_one("SELECT pg_try_advisory_lock($1)", &[&LOCK]);
    let Ok(locked) = timeout(LEADERS_LOCK_TIMEOUT, query).await else {
        // In the pool it would keep a lock that is granted late.
        drop(Object::take(connection));
        return Err(LockError::Timeout);
    };
    let is_granted: bool = locked?.try_get(0)?;
    Ok(is_granted.then(|| Object::take(connection)))
}

/// The session, if it still lasts.
async fn still_holds(session: ClientWrapper) -> Result<Option<ClientWrapper>, LockError> {
    timeout(LEADERS_LOCK_TIMEOUT, session.batch_execute("SELECT 1")).await??;
    Ok(Some(session))
}

/// It is not known whether the lock is free.
#[derive(Debug, Error)]
enum LockError {
    #[error("PostgreSQL timed out")]
    Timeout,
    #[error(transparent)]
    Pool(#[from] DatabaseError),
    #[error(transparent)]
    Query(#[from] tokio_postgres::Error),
}

impl From<Elapsed> for LockError {
    fn from(_: Elapsed) -> Self {
        Self::Timeout
    }
}
