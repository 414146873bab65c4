//! What one process of the cluster does at a time: as long as it holds a lock in the database, which ends with it.

use std::time::Duration;

use thiserror::Error;
use tokio::time::{Instant, sleep};
use workers::advisory_lock::{AdvisoryLock, LockError};
use workers::database::Database;

use crate::limits::{CLUSTER_LOCK_INTERVAL, CLUSTER_LOCK_POLL_INTERVAL, CLUSTER_LOCK_TIMEOUT};

/// What one process does at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClusterTask {
    /// Dead letters are replayed or discarded.
    Resolve,
    /// The cluster is audited by request.
    Audit,
}

/// The right to do it, which one process has at a time.
pub(crate) struct ClusterLock {
    lock: AdvisoryLock,
    confirmed_at: Instant,
}

/// It may not be done now.
#[derive(Debug, Error)]
pub(crate) enum ClusterLockError {
    /// Another process does it.
    #[error("another process is {0}: ask again when that has ended")]
    Busy(ClusterTask),
    /// It is not known whether another one does.
    #[error("the database does not say whether another process is {task}")]
    Unknown {
        /// What was to be done.
        task: ClusterTask,
        /// Why it is not known.
        source: LockError,
    },
}

impl ClusterTask {
    /// The key of its lock in PostgreSQL, in ASCII: `letters` and `audit`.
    const fn key(self) -> i64 {
        match self {
            Self::Resolve => 0x006c_6574_7465_7273,
            Self::Audit => 0x0061_7564_6974,
        }
    }
}

impl std::fmt::Display for ClusterTask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Resolve => "resolving dead letters",
            Self::Audit => "auditing the cluster",
        })
    }
}

impl ClusterLock {
    /// Takes the lock, for which it waits so long.
    pub(crate) async fn take(
        database: &Database,
        task: ClusterTask,
        wait: Duration,
    ) -> Result<Self, ClusterLockError> {
        let deadline = Instant::now() + wait;
        loop {
            let confirmed_at = Instant::now();
            let taken = AdvisoryLock::try_take(database, task.key(), CLUSTER_LOCK_TIMEOUT).await;
            match taken.map_err(|source| ClusterLockError::Unknown { task, source })? {
                Some(lock) => return Ok(Self { lock, confirmed_at }),
                None if Instant::now() < deadline => sleep(CLUSTER_LOCK_POLL_INTERVAL).await,
                None => return Err(ClusterLockError::Busy(task)),
            }
        }
    }

    /// Whether it is still held, as the database said a short time ago.
    pub(crate) async fn is_held(&mut self) -> bool {
        let now = Instant::now();
        if now - self.confirmed_at < CLUSTER_LOCK_INTERVAL {
            return true;
        }
        self.confirmed_at = now;
        self.lock.confirm().await.is_ok()
    }

    /// Lets others do it at once.
    pub(crate) async fn release(self) {
        self.lock.release().await;
    }
}
