//! Keeps the leaders of the lanes apart, in one worker of the cluster at a time: the one that holds a lock
//! in the database.

use streams::LaneLeaders;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::advisory_lock::{AdvisoryLock, LockError};
use crate::database::Database;
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
        let mut lock: Option<AdvisoryLock> = None;
        loop {
            match keep_or_take(lock.take(), &self.database).await {
                Ok(locked) => lock = locked,
                Err(err) => tracing::debug!(error = error_chain(&err), "no lock for leaders"),
            }
            if lock.is_none() {
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

async fn keep_or_take(
    held: Option<AdvisoryLock>,
    database: &Database,
) -> Result<Option<AdvisoryLock>, LockError> {
    match held {
        Some(held) => held.confirm().await.map(|()| Some(held)),
        None => AdvisoryLock::try_take(database, LOCK, LEADERS_LOCK_TIMEOUT).await,
    }
}
