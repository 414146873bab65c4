//! Resolutions of dead letters. Resolving a dead letter does not remove it: a resolution in the same
//! stream records who resolved it, how, when and why.

use std::collections::HashMap;

use orders::{OrderId, Timestamp};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::DeadLetter;
use crate::inspect::InspectError;
use crate::replay::{Replay, ReplayError};
use crate::{
    Connection, DeliveryHistory, Origin, OutboundMessage, Step, find_stream_state, own_time,
    record, retry, subjects,
};

/// How a dead letter was resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResolutionKind {
    /// Its record was sent to its step again.
    Replayed,
    /// Its record was dropped, and the cancellation of its order was requested.
    Discarded,
}

/// The resolution of one dead letter: the JSON body of its message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolution {
    /// The number of the dead letter.
    pub letter: u64,
    /// How it was resolved.
    pub action: ResolutionKind,
    /// The operator who resolved it.
    pub by: String,
    /// The operator's reason.
    pub why: String,
    /// When it was resolved.
    pub at_ms: Timestamp,
}

/// A dead letter in the stream, with its resolution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDeadLetter {
    /// Its sequence number in the stream of dead letters.
    pub number: u64,
    /// The body of its message.
    pub content: DeadLetter,
    /// Its latest resolution; `None` if it is unresolved.
    pub resolution: Option<Resolution>,
    /// The sequence numbers of its resolutions in the stream.
    pub(super) resolution_numbers: Vec<u64>,
}

/// Reading the dead letters failed.
#[derive(Debug, Error)]
pub enum DeadLetterError {
    /// The state of the stream could not be read.
    #[error(transparent)]
    Inspect(#[from] InspectError),
    /// A message could not be read.
    #[error(transparent)]
    Read(#[from] ReplayError),
}

/// A dead letter whose record no step can process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("cannot replay the record: it is not JSON")]
pub struct NotReplayable;

/// Every dead letter, oldest first; none if the stream is missing.
pub async fn read(connection: &Connection) -> Result<Vec<StoredDeadLetter>, DeadLetterError> {
    let state = find_stream_state(connection, subjects::DEAD_LETTERS).await?;
    let mut letters = Vec::new();
    let mut resolutions = HashMap::new();
    if let Some(state) = state.filter(|state| state.messages > 0) {
        let mut replay = Replay::from_start(connection, subjects::DEAD_LETTERS).await?;
        while let Some(message) = replay.next_until(state.last_sequence).await? {
            let sequence = message.sequence;
            let is_resolution = subjects::is_resolution(&message.subject);
            for line in &message.lines {
                if is_resolution {
                    if let Ok(resolution) = serde_json::from_slice::<Resolution>(line) {
                        let all: &mut Vec<_> = resolutions.entry(resolution.letter).or_default();
                        all.push((sequence, resolution));
                    }
                } else if let Ok(content) = serde_json::from_slice(line) {
                    letters.push(StoredDeadLetter::unresolved(sequence, content));
                }
            }
        }
    }
    for letter in &mut letters {
        let all = resolutions.remove(&letter.number).unwrap_or_default();
        letter.resolution_numbers = all.iter().map(|(number, _)| *number).collect();
        letter.resolution = all.into_iter().next_back().map(|(_, resolution)| resolution);
    }
    Ok(letters)
}

/// The dead letters without a resolution.
pub async fn unresolved(connection: &Connection) -> Result<Vec<StoredDeadLetter>, DeadLetterError> {
    let mut letters = read(connection).await?;
    letters.retain(|letter| letter.resolution.is_none());
    Ok(letters)
}

impl StoredDeadLetter {
    /// A dead letter without a resolution.
    pub fn unresolved(number: u64, content: DeadLetter) -> Self {
        Self { number, content, resolution: None, resolution_numbers: Vec::new() }
    }

    /// The order that the record is about, if it can be parsed.
    pub fn order_id(&self) -> Option<OrderId> {
        record::order_id(self.content.record.as_bytes())
    }

    /// The message that replays the record to `step`, and to no other step. The dead letter
    /// becomes the record's origin, so that a later failure creates a new dead letter. `now` is the
    /// broker's time, from which the deadline of the retries is counted.
    pub fn replay_message(
        &self,
        step: &Step,
        now: Timestamp,
    ) -> Result<OutboundMessage, NotReplayable> {
        let history = DeliveryHistory {
            origin: Origin { stream: subjects::DEAD_LETTERS.to_owned(), sequence: self.number },
            first_at: now,
            attempts: 0,
            replays: self.content.history.replays + 1,
        };
        let id = format!("replay.{}.{}", self.number, now.as_millis());
        retry::immediate(step, history, &self.content.record, &id).ok_or(NotReplayable)
    }

    /// The message that records a resolution of a dead letter of `pool` with the current time.
    pub fn resolution_message(
        &self,
        pool: &str,
        action: ResolutionKind,
        by: &str,
        why: &str,
    ) -> OutboundMessage {
        let resolution = Resolution {
            letter: self.number,
            action,
            by: by.to_owned(),
            why: why.to_owned(),
            at_ms: own_time(),
        };
        let payload =
            serde_json::to_vec(&resolution).expect("a resolution has string keys and integers");
        OutboundMessage::with_dedup_id(
            subjects::DEAD_LETTERS,
            subjects::resolution_subject(pool),
            payload.into(),
        )
    }
}

impl std::fmt::Display for ResolutionKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Replayed => "replayed",
            Self::Discarded => "discarded",
        })
    }
}
