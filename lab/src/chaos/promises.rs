//! The book of what was promised: every 202 is on disk before anything is made of it.

use std::path::Path;

use anyhow::{Context, Result};
use millrace::ledger::{Acknowledged, Ledger};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// 202s that wait for the disk; whoever comes then waits with them.
const WAITING_MAX: usize = 4_096;

/// Writes into the book. Cheap to clone; the book is closed when all are gone.
#[derive(Clone)]
pub(super) struct Promises(mpsc::Sender<Acknowledged>);

impl Promises {
    /// A new book at `path`, and its writer, which ends when the book is closed.
    pub(super) fn open(path: &Path) -> Result<(Self, JoinHandle<Result<()>>)> {
        let mut ledger = Ledger::create(path)?;
        let (sender, mut waiting) = mpsc::channel(WAITING_MAX);
        let write = move || {
            while let Some(first) = waiting.blocking_recv() {
                ledger.write(&first)?;
                // One sync for all that have come meanwhile.
                while let Ok(next) = waiting.try_recv() {
                    ledger.write(&next)?;
                }
                ledger.sync()?;
            }
            Ok(())
        };
        Ok((Self(sender), tokio::task::spawn_blocking(write)))
    }

    /// Writes down one 202.
    pub(super) async fn keep(&self, entry: Acknowledged) -> Result<()> {
        self.0.send(entry).await.context("the ledger is closed")
    }
}
