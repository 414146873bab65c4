//! Keeps the leaders of the lanes apart, in one worker of the cluster at a time: the one that holds a lock
//! in the database.

use deadpool_postgres::{ClientWrapper, Object};
use streams::LaneLeaders;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::database::{Database, DatabaseError};
use crate::error_chain::error_chain;
use crate::limits::{LEADERS_INTERVAL, LEADERS_LOCK_TIMEOUT};

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
            sleep(LEADERS_INTERVAL).await;
            let locked = match session.take() {
                Some(held) => timeout(LEADERS_LOCK_TIMEOUT, still_holds(held)).await,
                None => timeout(LEADERS_LOCK_TIMEOUT, try_lock(&self.database)).await,
            };
            match locked {
                Ok(Ok(locked)) => session = locked,
                Ok(Err(err)) => tracing::debug!(error = error_chain(&err), "no lock for leaders"),
                Err(_) => tracing::debug!("no lock for leaders: PostgreSQL timed out"),
            }
            if session.is_none() {
                continue;
            }
            match self.leaders.keep().await {
                Ok(Some(next)) => tracing::info!(%next, "leaders moved"),
                Ok(None) => {}
                Err(err) => tracing::debug!(error = error_chain(&err), "leaders not seen"),
            }
        }
    }
}

/// A session that holds the lock; `None` if another one does. It is taken from the pool for good: the lock
/// ends when it is closed.
async fn try_lock(database: &Database) -> Result<Option<ClientWrapper>, DatabaseError> {
    let connection = database.connection().await?;
    let row = connection.query_one("SELECT pg_try_advisory_lock($1)", &[&LOCK]).await?;
    Ok(row.try_get::<_, bool>(0)?.then(|| Object::take(connection)))
}

/// The session, if it still lasts.
async fn still_holds(session: ClientWrapper) -> Result<Option<ClientWrapper>, DatabaseError> {
    session.batch_execute("SELECT 1").await?;
    Ok(Some(session))
}
