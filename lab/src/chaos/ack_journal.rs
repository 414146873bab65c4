//! The ledger of the buyers: a background task writes and syncs every 202, and the other answers that
//! the audit can check.

use std::path::Path;

use anyhow::{Context, Result};
use millrace::ledger::{Acknowledged, Answer, AnswerContent, Ledger};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Entries that wait to be written; when the queue is full, buyers wait.
const QUEUE_MAX: usize = 4_096;

/// The sender of ledger entries. Cheap to clone; the ledger is closed when all clones are dropped.
#[derive(Clone)]
pub(super) struct AckJournal(mpsc::Sender<Entry>);

enum Entry {
    Acknowledged(Acknowledged),
    Answer(Answer),
}

impl AckJournal {
    /// Creates a ledger at `path`. Also returns its writer task, which ends when the ledger is
    /// closed.
    pub(super) fn create(path: &Path) -> Result<(Self, JoinHandle<Result<()>>)> {
        let mut ledger = Ledger::create(path)?;
        let (sender, mut receiver) = mpsc::channel::<Entry>(QUEUE_MAX);
        let write = move || {
            while let Some(first) = receiver.blocking_recv() {
                first.write(&mut ledger)?;
                // One fsync for all entries that have arrived in the meantime.
                while let Ok(next) = receiver.try_recv() {
                    next.write(&mut ledger)?;
                }
                ledger.sync()?;
            }
            Ok(())
        };
        Ok((Self(sender), tokio::task::spawn_blocking(write)))
    }

    /// Queues one 202 for writing.
    pub(super) async fn record(&self, entry: Acknowledged) -> Result<()> {
        self.0.send(Entry::Acknowledged(entry)).await.context("the ledger is closed")
    }

    /// Queues another answer about an order for writing.
    pub(super) async fn record_answer(&self, order_id: &str, content: AnswerContent) -> Result<()> {
        let answer = Answer { order_id: order_id.to_owned(), content };
        self.0.send(Entry::Answer(answer)).await.context("the ledger is closed")
    }
}

impl Entry {
    fn write(&self, ledger: &mut Ledger) -> Result<()> {
        match self {
            Self::Acknowledged(entry) => ledger.write(entry),
            Self::Answer(answer) => ledger.write_answer(answer),
        }
    }
}
