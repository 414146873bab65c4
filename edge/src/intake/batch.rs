//! A message to be: records of one kind, and everybody who waits until they are stored.

use orders::EventKind;
use streams::{Publisher, batch};
use tokio::sync::oneshot;

use crate::limits::PUBLISH_PATIENCE;

/// What became of a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is stored. A replay is a repeat of what is known to be stored before.
    Accepted { replayed: bool },
    /// Another order stands under its id.
    Conflict,
    /// It may be stored or not.
    Unknown,
}

/// A message to be.
#[derive(Default)]
pub(crate) struct Batch {
    pub(super) lines: Vec<u8>,
    pub(super) records: usize,
    /// Who waits, and what each is told once the message is stored.
    pub(super) waiting: Vec<(oneshot::Sender<Outcome>, Outcome)>,
}

impl Batch {
    /// Adds a record.
    pub(crate) fn push(&mut self, line: &[u8]) {
        self.lines.extend_from_slice(line);
        self.records += 1;
    }

    /// Lets somebody wait who is to be told `once_stored`.
    pub(crate) fn wait(&mut self, outcome: oneshot::Sender<Outcome>, once_stored: Outcome) {
        self.waiting.push((outcome, once_stored));
    }

    /// Stores the records as events of one kind. Tells whether they are known to be stored.
    pub(crate) async fn store(&mut self, kind: EventKind, publisher: &Publisher) -> bool {
        if self.records == 0 {
            return true;
        }
        let message = batch::message(kind, std::mem::take(&mut self.lines), self.records);
        let stored = publisher.publish(&message, PUBLISH_PATIENCE).await;
        if let Err(err) = &stored {
            tracing::warn!(%err, %kind, records = self.records, "not acknowledged");
        }
        stored.is_ok()
    }

    /// Answers everybody who waits.
    pub(crate) fn answer(self, stored: bool) {
        for (waiting, once_stored) in self.waiting {
            // Who has gone needs no answer.
            waiting.send(if stored { once_stored } else { Outcome::Unknown }).ok();
        }
    }
}
