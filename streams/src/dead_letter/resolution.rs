//! Resolutions of dead letters. Resolving a dead letter does not remove it: a resolution in the same
//! stream records who resolved it, how, when and why.

use std::collections::HashMap;

use orders::{OrderId, Timestamp, is_erased};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::DeadLetter;
use crate::inspect_error::InspectError;
use crate::outbound::Destination;
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
    /// The sequence numbers of further messages with the same letter: of copies of the record that
    /// became dead letters later than the broker recognises duplicates.
    pub(super) copies: Vec<u64>,
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
pub enum NotReplayable {
    /// No step could parse it.
    #[error("cannot replay the record: it is not JSON")]
    NotJson,
    /// What is left of the order must not be reserved.
    #[error("cannot replay the record: what it says about its customer is erased; discard it")]
    Erased,
}

/// Every dead letter, oldest first; none if the stream is missing. Letters that differ only in the place
/// of their record are one, until it is resolved.
pub async fn read(connection: &Connection) -> Result<Vec<StoredDeadLetter>, DeadLetterError> {
    let state = find_stream_state(connection, subjects::DEAD_LETTERS).await?;
    let mut letters = DeadLetters::default();
    if let Some(state) = state.filter(|state| state.messages > 0) {
        let mut replay = Replay::from_start(connection, subjects::DEAD_LETTERS).await?;
        while let Some(message) = replay.next_until(state.last_sequence).await? {
            let sequence = message.origin.sequence;
            let is_resolution = subjects::is_resolution(&message.subject);
            for line in &message.lines {
                if is_resolution {
                    if let Ok(resolution) = serde_json::from_slice(line) {
                        letters.resolve(sequence, resolution);
                    }
                } else if let Ok(content) = serde_json::from_slice(line) {
                    letters.add(sequence, content);
                }
            }
        }
    }
    Ok(letters.all)
}

/// The dead letters that were read so far.
#[derive(Default)]
struct DeadLetters {
    all: Vec<StoredDeadLetter>,
    /// The index of each letter, by the sequence numbers of its messages.
    by_number: HashMap<u64, usize>,
    /// The index of the last letter about a record, by its step, its content and its replays.
    last: HashMap<(String, String, u32), usize>,
}

impl DeadLetters {
    fn add(&mut self, number: u64, content: DeadLetter) {
        let record = (content.step.clone(), content.record.clone(), content.history.replays);
        let new = self.all.len();
        let index = match self.last.get(&record) {
            // After a resolution it is another letter, which an operator has to see.
            Some(index) if self.all[*index].resolution.is_none() => {
                self.all[*index].copies.push(number);
                *index
            }
            _ => {
                self.all.push(StoredDeadLetter::unresolved(number, content));
                self.last.insert(record, new);
                new
            }
        };
        self.by_number.insert(number, index);
    }

    fn resolve(&mut self, number: u64, resolution: Resolution) {
        if let Some(index) = self.by_number.get(&resolution.letter) {
            let letter = &mut self.all[*index];
            letter.resolution_numbers.push(number);
            letter.resolution = Some(resolution);
        }
    }
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
        let (resolution_numbers, copies) = (Vec::new(), Vec::new());
        Self { number, content, resolution: None, copies, resolution_numbers }
    }

    /// The order that the record is about, if it can be parsed.
    pub fn order_id(&self) -> Option<OrderId> {
        record::order_id(self.content.record.as_bytes())
    }

    /// The message that replays the record to `step`, and to no other step. The dead letter
    /// becomes the record's origin, so that a later failure creates a new dead letter. `now` is the
    /// broker's time, from which the deadline of the retries is counted. Two of one letter within a short time are
    /// one to the broker, unless it was resolved in between: two operators replay it once.
    pub fn replay_message(
        &self,
        step: &Step,
        now: Timestamp,
    ) -> Result<OutboundMessage, NotReplayable> {
        if is_erased(&self.content.record) {
            return Err(NotReplayable::Erased);
        }
        let origin = Origin { stream: subjects::DEAD_LETTERS.to_owned(), sequence: self.number };
        let replays = self.content.history.replays + 1;
        let history = DeliveryHistory { replays, ..DeliveryHistory::new(origin, now) };
        let id = format!("replay.{}.{}", self.number, self.resolution_numbers.len());
        retry::immediate(step, history, &self.content.record, &id).ok_or(NotReplayable::NotJson)
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
        resolution.message(pool)
    }
}

impl Resolution {
    /// The message that stores it, about a dead letter of `pool`.
    pub(super) fn message(&self, pool: &str) -> OutboundMessage {
        let payload = serde_json::to_vec(self).expect("a resolution has string keys and integers");
        let subject = subjects::resolution_subject(pool);
        let destination = Destination::Stream(subjects::DEAD_LETTERS, subject);
        OutboundMessage::with_dedup_id(destination, payload.into())
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

#[cfg(test)]
mod tests {
    use super::super::Reason;
    use super::*;

    fn letter(sequence: u64, record: &str, replays: u32) -> DeadLetter {
        let at = Timestamp::from_millis(0);
        let origin = Origin { stream: "ORDERS_1".to_owned(), sequence };
        let history = DeliveryHistory { replays, ..DeliveryHistory::new(origin, at) };
        let (step, error) = ("charge".to_owned(), "it failed".to_owned());
        let record = record.to_owned();
        DeadLetter { step, reason: Reason::Poison, error, history, last_at_ms: at, record }
    }

    fn resolution(letter: u64) -> Resolution {
        let (by, why) = ("Ada".to_owned(), "fixed".to_owned());
        let at_ms = Timestamp::from_millis(0);
        Resolution { letter, action: ResolutionKind::Replayed, by, why, at_ms }
    }

    #[test]
    fn letters_of_copies_are_one_until_it_is_resolved() {
        let mut letters = DeadLetters::default();
        letters.add(1, letter(7, "one", 0));
        letters.add(2, letter(7, "two", 0));
        letters.add(3, letter(8, "one", 0));
        letters.add(4, letter(9, "one", 1));
        let numbers = |letters: &DeadLetters| {
            letters.all.iter().map(|letter| letter.number).collect::<Vec<_>>()
        };
        assert_eq!(numbers(&letters), [1, 2, 4]);
        assert_eq!(letters.all[0].copies, [3]);

        letters.resolve(5, resolution(1));
        assert_eq!(letters.all[0].resolution, Some(resolution(1)));
        letters.add(6, letter(10, "one", 0));
        assert_eq!(numbers(&letters), [1, 2, 4, 6]);
        assert_eq!(letters.all[3].resolution, None);
        // An earlier version may have shown the number of the copy.
        letters.resolve(7, resolution(3));
        assert_eq!(letters.all[0].resolution_numbers, [5, 7]);
    }
}
