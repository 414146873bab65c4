//! A record, the history of its delivery, and where it came from.

use std::fmt;

use bytes::Bytes;
use orders::{OrderId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::limits::RETRY_ATTEMPTS_MAX;
use crate::outbound::content_id;

/// One record: an event that a step processes, and its delivery history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// One JSON object: an [`orders::Event`].
    pub line: Bytes,
    /// The origin of the record and its failed attempts so far.
    pub history: DeliveryHistory,
    /// The time at which the message that holds it now was stored: of a retry, when it was due.
    pub stored_at: Timestamp,
}

/// The origin of a record, and its failed attempts and replays so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryHistory {
    /// The message that first contained the record.
    pub origin: Origin,
    /// The time at which that message was stored.
    #[serde(rename = "first_at_ms")]
    pub first_at: Timestamp,
    /// How many times a step failed because of this record, since it arrived or was last replayed.
    #[serde(rename = "tries")]
    pub attempts: u32,
    /// How many times a worker could not process it because its version does not know what the record says,
    /// or a row of its order.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unsupported: u32,
    /// How many times an operator replayed it from the dead letters.
    #[serde(default)]
    pub replays: u32,
    /// What its publisher asks for.
    #[serde(default, skip_serializing_if = "Answer::is_once")]
    pub answer: Answer,
}

/// How often steps answer an event that is stored several times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Once: its copies need no outcome of their own.
    #[default]
    Once,
    /// Each time: the outcome of an earlier message may be lost.
    Always,
}

/// A message in a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The stream's name.
    pub stream: String,
    /// The message's sequence number in the stream.
    pub sequence: u64,
}

impl DeliveryHistory {
    /// The history of a record that is first contained in the message `origin`, stored at `first_at`, and
    /// was not attempted yet.
    pub const fn new(origin: Origin, first_at: Timestamp) -> Self {
        Self { origin, first_at, attempts: 0, unsupported: 0, replays: 0, answer: Answer::Once }
    }

    /// The number of the current attempt. It increases across retries and replays, so that no two
    /// attempts share a number.
    pub const fn attempt(&self) -> u32 {
        self.replays.saturating_mul(RETRY_ATTEMPTS_MAX).saturating_add(self.attempts)
    }

    /// Whether the outcome is asked for even if another message of the order has it: by its
    /// publisher, or by the operator who replayed it.
    pub fn asks_for_answer(&self) -> bool {
        self.answer == Answer::Always || self.replays > 0
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl Answer {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_once(&self) -> bool {
        *self == Self::Once
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.stream, self.sequence)
    }
}

impl Record {
    /// The order that the record is about; `None` if the record is not an event.
    pub fn order_id(&self) -> Option<OrderId> {
        order_id(&self.line)
    }

    /// A unique name of the record: its origin and a hash of its content.
    pub fn name(&self) -> String {
        let Origin { stream, sequence } = &self.history.origin;
        format!("{stream}.{sequence}.{}", content_id(&self.line))
    }
}

/// The order that the JSON object `record` is about.
pub(crate) fn order_id(record: &[u8]) -> Option<OrderId> {
    #[derive(Deserialize)]
    struct RecordOwner {
        order_id: OrderId,
    }
    serde_json::from_slice(record).ok().map(|RecordOwner { order_id }| order_id)
}

/// The beginning of `text`, at most `bytes_max` bytes of it.
pub(crate) fn truncate(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}
