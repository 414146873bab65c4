//! A record that no try will help: kept, named, until somebody decides about it.

mod handled;

use std::time::SystemTime;

use orders::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{DeliveryHistory, OutboundMessage, Record, Step, names};
use async_nats::header::NATS_MESSAGE_ID;

pub use handled::{
    DeadLetterError, NotReplayable, Resolution, ResolutionKind, StoredDeadLetter, read, unresolved,
};

/// Why a record became a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It is no event, or none of this step's.
    Undecodable,
    /// The step can never take it.
    Poison,
    /// It failed too often, or too long.
    Exhausted,
}

/// A name that is no reason's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is no reason; the reasons are undecodable, poison and exhausted")]
pub struct UnknownReason(String);

/// With all its causes, an error is a line; more would be somebody else's text.
pub(crate) const ERROR_BYTES_MAX: usize = 4 * 1024;
/// Twice the largest order, and so that a letter always fits into a message.
const RECORD_BYTES_MAX: usize = 512 * 1024;

/// One dead letter, as it stands in its message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// The step that could not take it.
    pub step: String,
    /// Why.
    pub reason: Reason,
    /// The last error.
    pub error: String,
    /// Where it comes from and what was tried.
    #[serde(flatten)]
    pub history: DeliveryHistory,
    /// When it became a dead letter.
    pub last_at_ms: Timestamp,
    /// The record as it was. Bytes that are no UTF-8 are replaced, and what is longer than any
    /// event is cut off; the origin has all of it.
    pub record: String,
}

impl Reason {
    /// The reason's name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Undecodable => "undecodable",
            Self::Poison => "poison",
            Self::Exhausted => "exhausted",
        }
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Reason {
    type Err = UnknownReason;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let mut all = [Self::Undecodable, Self::Poison, Self::Exhausted].into_iter();
        all.find(|reason| reason.as_str() == name).ok_or_else(|| UnknownReason(name.to_owned()))
    }
}

/// The message that makes a dead letter of `record`. A repeat has the same id, so that a step that
/// is interrupted here leaves one letter.
pub fn message(step: Step, reason: Reason, record: &Record, error: &str) -> OutboundMessage {
    let letter = DeadLetter {
        step: step.as_str().to_owned(),
        reason,
        error: cut(error, ERROR_BYTES_MAX).to_owned(),
        history: record.history.clone(),
        last_at_ms: SystemTime::now().into(),
        record: cut(&String::from_utf8_lossy(&record.line), RECORD_BYTES_MAX).to_owned(),
    };
    let payload = serde_json::to_vec(&letter).expect("a letter has text keys and whole numbers");
    let mut message = OutboundMessage::without_dedup_id(names::dead_subject(step), payload.into());
    message.headers.insert(NATS_MESSAGE_ID, format!("{step}.{}", record.name()).as_str());
    message
}

/// The beginning of `text`, at most `most` bytes of it.
pub(crate) fn cut(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}
