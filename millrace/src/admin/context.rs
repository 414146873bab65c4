//! What the answers of one process share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;
use streams::dead_letter::{self, StoredDeadLetter};
use streams::{Connection, Profile};
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use workers::database::Database;

use super::config::AdminConfig;
use super::refusal::Refusal;
use crate::cluster_lock::{ClusterLock, ClusterLockError, ClusterTask};
use crate::limits::LETTERS_READ_TIMEOUT;

/// What every answer needs.
pub(super) struct Context {
    pub(super) connection: Connection,
    pub(super) database: Database,
    /// URL and key of the payment provider.
    pub(super) provider: Option<(String, String)>,
    pub(super) profile: Profile,
    /// Cancelled when the process is asked to end.
    pub(super) shutdown: CancellationToken,
    pub(super) counts: Arc<Counts>,
    /// Dead letters are read by one at a time: they are some hundred megabytes at most.
    reading: Mutex<()>,
}

/// What this process has answered.
#[derive(Default)]
pub(super) struct Counts {
    answered: AtomicU64,
    refused: AtomicU64,
}

/// The same at one moment, as `nats service stats` shows it.
#[derive(Serialize)]
pub(super) struct Counted {
    answered: u64,
    refused: u64,
}

impl Context {
    pub(super) fn new(
        config: &AdminConfig,
        connection: Connection,
        database: Database,
        shutdown: CancellationToken,
    ) -> Self {
        Self {
            connection,
            database,
            provider: config.provider_url.clone().zip(config.provider_key.clone()),
            profile: config.brokers.profile,
            shutdown,
            counts: Arc::default(),
            reading: Mutex::new(()),
        }
    }

    /// All dead letters.
    pub(super) async fn letters(&self) -> Result<Vec<StoredDeadLetter>, Refusal> {
        let _one_at_a_time = self.reading.lock().await;
        let read = timeout(LETTERS_READ_TIMEOUT, dead_letter::read(&self.connection)).await;
        let what = "cannot read the dead letters";
        let read = read.map_err(|_| Refusal::unavailable(what, "the brokers are slow"))?;
        read.map_err(|err| Refusal::unavailable(what, format!("{:#}", anyhow::Error::from(err))))
    }

    /// Takes the lock under which one process of the cluster does `task`, within `wait`.
    pub(super) async fn lock(
        &self,
        task: ClusterTask,
        wait: Duration,
    ) -> Result<ClusterLock, Refusal> {
        ClusterLock::take(&self.database, task, wait).await.map_err(|err| match err {
            ClusterLockError::Busy(_) => Refusal::conflict(err.to_string()),
            ClusterLockError::Unknown { source, .. } => {
                let cause = format!("{:#}", anyhow::Error::from(source));
                Refusal::unavailable("the database does not answer", cause)
            }
        })
    }

    /// Does what changes nothing, unless the process is asked to end before it is done.
    pub(super) async fn unless_stopping<T>(
        &self,
        work: impl Future<Output = Result<T, Refusal>>,
    ) -> Result<T, Refusal> {
        self.shutdown.run_until_cancelled(work).await.unwrap_or_else(|| Err(Refusal::stopping()))
    }
}

impl Counts {
    /// Counts an answer.
    pub(super) fn count(&self, is_refused: bool) {
        self.answered.fetch_add(1, Ordering::Relaxed);
        self.refused.fetch_add(u64::from(is_refused), Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> Counted {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counted { answered: read(&self.answered), refused: read(&self.refused) }
    }
}
