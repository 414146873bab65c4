//! What people decide about dead letters. A letter is never removed: a mark in the same stream says
//! who handled it, how, when and why.

use std::collections::HashMap;
use std::time::SystemTime;

use orders::{OrderId, Timestamp};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::DeadLetter;
use crate::look::InspectError;
use crate::replay::{Replay, ReplayError};
use crate::{
    Connection, DeliveryHistory, Origin, OutboundMessage, Step, names, retry, stream_state,
};

/// What was done about a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResolutionKind {
    /// Its record was brought to its step again.
    Replayed,
    /// Its record was given up, and its order with it.
    Discarded,
}

/// The mark that a letter is handled, as it stands in its message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolution {
    /// The letter's number.
    pub letter: u64,
    /// What was done.
    pub action: ResolutionKind,
    /// Who did it.
    pub by: String,
    /// Why.
    pub why: String,
    /// When.
    pub at_ms: Timestamp,
}

/// A dead letter and what has become of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDeadLetter {
    /// Its sequence number in the stream of dead letters.
    pub number: u64,
    /// What it says.
    pub content: DeadLetter,
    /// The latest decision about it; `None` where it waits for one.
    pub handled: Option<Resolution>,
}

/// The dead letters could not be read.
#[derive(Debug, Error)]
pub enum DeadLetterError {
    /// The stream could not be found.
    #[error(transparent)]
    Look(#[from] InspectError),
    /// The stream could not be read.
    #[error(transparent)]
    Read(#[from] ReplayError),
}

/// A letter whose record no step can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the record is no JSON or its step is unknown, so no step can read it")]
pub struct NotReplayable;

/// Every letter, in the order in which they came.
pub async fn read(connection: &Connection) -> Result<Vec<StoredDeadLetter>, DeadLetterError> {
    let state = stream_state(connection, names::DEAD_LETTERS).await?;
    let (mut letters, mut decisions) = (Vec::new(), HashMap::new());
    if state.messages > 0 {
        let mut replay = Replay::from_start(connection, names::DEAD_LETTERS).await?;
        let mut sequence = 0;
        while sequence < state.last_sequence {
            let message = replay.next().await?;
            sequence = message.sequence;
            let is_mark = message.subject.starts_with("handled.");
            for line in &message.lines {
                if is_mark {
                    let resolution_message: Option<Resolution> = serde_json::from_slice(line).ok();
                    decisions.extend(
                        resolution_message.map(|resolution_message| {
                            (resolution_message.letter, resolution_message)
                        }),
                    );
                } else if let Ok(content) = serde_json::from_slice(line) {
                    letters.push(StoredDeadLetter { number: sequence, content, handled: None });
                }
            }
        }
    }
    for letter in &mut letters {
        letter.handled = decisions.remove(&letter.number);
    }
    Ok(letters)
}

/// The letters that wait for a decision.
pub async fn unresolved(connection: &Connection) -> Result<Vec<StoredDeadLetter>, DeadLetterError> {
    let mut letters = read(connection).await?;
    letters.retain(|letter| letter.handled.is_none());
    Ok(letters)
}

impl StoredDeadLetter {
    /// The step that could not take it.
    pub fn step(&self) -> Option<Step> {
        self.content.step.parse().ok()
    }

    /// Whose order it is about, if that can be read.
    pub fn order_id(&self) -> Option<OrderId> {
        #[derive(Deserialize)]
        struct RecordOwner {
            order_id: OrderId,
        }
        serde_json::from_str(&self.content.record).ok().map(|RecordOwner { order_id }| order_id)
    }

    /// The message that brings the record to its step again, and to no other. The letter is its
    /// origin from now on, so that a letter that comes of it is another one.
    pub fn again(&self) -> Result<OutboundMessage, NotReplayable> {
        let step = self.step().ok_or(NotReplayable)?;
        let now = Timestamp::from(SystemTime::now());
        let history = DeliveryHistory {
            origin: Origin { stream: names::DEAD_LETTERS.to_owned(), sequence: self.number },
            first_at: now,
            attempts: 0,
            replays: self.content.history.replays + 1,
        };
        let id = format!("replay.{}.{}", self.number, now.as_millis());
        retry::immediate(step, history, &self.content.record, &id).ok_or(NotReplayable)
    }

    /// The message that marks the letter as handled, now.
    pub fn resolution_message(
        &self,
        action: ResolutionKind,
        by: &str,
        why: &str,
    ) -> OutboundMessage {
        let (by, why) = (by.to_owned(), why.to_owned());
        let resolution_message =
            Resolution { letter: self.number, action, by, why, at_ms: SystemTime::now().into() };
        let payload = serde_json::to_vec(&resolution_message)
            .expect("a mark has text keys and whole numbers");
        let pool = self.step().map_or("unknown", |step| step.pool().as_str());
        OutboundMessage::with_dedup_id(names::resolution_subject(pool), payload.into())
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
