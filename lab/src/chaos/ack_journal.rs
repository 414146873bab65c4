//! The ledger of acknowledged orders: a background task writes and syncs every 202.

use std::path::Path;

use anyhow::{Context, Result};
use millrace::ledger::{Acknowledged, Ledger};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Entries that wait to be written; when the queue is full, buyers wait.
const QUEUE_MAX: usize = 4_096;

/// The sender of ledger entries. Cheap to clone; the ledger is closed when all clones are dropped.
#[derive(Clone)]
pub(super) struct AckJournal(mpsc::Sender<Acknowledged>);

impl AckJournal {
    /// Creates a ledger at `path`. Also returns its writer task, which ends when the ledger is
    /// closed.
    pub(super) fn create(path: &Path) -> Result<(Self, JoinHandle<Result<()>>)> {
        let mut ledger = Ledger::create(path)?;
        let (sender, mut receiver) = mpsc::channel(QUEUE_MAX);
        let write = move || {
            while let Some(first) = receiver.blocking_recv() {
                ledger.write(&first)?;
                // One fsync for all entries that have arrived in the meantime.
                while let Ok(next) = receiver.try_recv() {
                    ledger.write(&next)?;
                }
                ledger.sync()?;
            }
            Ok(())
        };
        Ok((Self(sender), tokio::task::spawn_blocking(write)))
    }

    /// Queues one 202 for writing.
    pub(super) async fn record(&self, entry: Acknowledged) -> Result<()> {
        self.0.send(entry).await.context("the ledger is closed")
    }
}
