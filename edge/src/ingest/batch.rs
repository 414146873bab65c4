//! A batch: records of one kind for one message, and the requests that wait until it is stored.

use orders::{BodyDigest, EventKind};
use streams::{Publisher, batch, failpoint};
use tokio::sync::oneshot;

use crate::limits::PUBLISH_TIMEOUT;

/// The result of a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SubmitResult {
    /// The record is stored. `known_digest` is that of an order under the same id that Redis has, or
    /// that comes first in the same batch: a reason to ask which body the order's row has, and no
    /// more.
    Stored { known_digest: Option<BodyDigest> },
    /// The record may or may not be stored.
    Unknown,
}

/// The records of a message, and the requests that wait for it.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) lines: Vec<u8>,
    pub(super) records: usize,
    /// The waiting requests, each with its result if the message is stored.
    pub(super) pending: Vec<(oneshot::Sender<SubmitResult>, SubmitResult)>,
}

impl Batch {
    /// Adds a record.
    pub(super) fn push(&mut self, line: &[u8]) {
        self.lines.extend_from_slice(line);
        self.records += 1;
    }

    /// Registers a waiting request, which receives `result` if the message is stored.
    pub(super) fn on_stored(&mut self, reply: oneshot::Sender<SubmitResult>, result: SubmitResult) {
        self.pending.push((reply, result));
    }

    /// Publishes the records as events of one kind. Returns whether they are known to be stored.
    pub(super) async fn store(&mut self, kind: EventKind, publisher: &Publisher) -> bool {
        if self.records == 0 {
            return true;
        }
        failpoint!("ack_before_publish" => return true);
        let message = batch::message(kind, std::mem::take(&mut self.lines), self.records);
        let ack = publisher.publish(&message, PUBLISH_TIMEOUT).await;
        if let Err(err) = &ack {
            tracing::warn!(%err, %kind, records = self.records, "batch not acknowledged by broker");
        }
        ack.is_ok()
    }

    /// Sends every waiting request its result.
    pub(super) fn send_results(self, is_stored: bool) {
        for (reply, result_if_stored) in self.pending {
            // The receiver is gone if the client has disconnected.
            reply.send(if is_stored { result_if_stored } else { SubmitResult::Unknown }).ok();
        }
    }
}
