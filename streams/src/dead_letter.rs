//! Dead letters: records that no retry can process, kept until an operator resolves them.

mod erasure;
mod release;
mod resolution;

use orders::Timestamp;
use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr, VariantNames};
use thiserror::Error;

use crate::limits::{DEAD_LETTER_BYTES_MAX, DEAD_LETTER_RECORD_BYTES_MAX, ERROR_BYTES_MAX};
use crate::outbound::{Destination, content_id};
use crate::record::truncate;
use crate::{DeliveryHistory, OutboundMessage, Record, Step, own_time, subjects};

pub use erasure::{EraseError, erase, letters_of};
pub use release::release_resolved;
pub use resolution::{
    DeadLetterError, NotReplayable, Resolution, ResolutionKind, StoredDeadLetter, read, unresolved,
};

/// Why a record became a dead letter.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    Display,
    EnumString,
    IntoStaticStr,
    VariantNames,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[strum(parse_err_ty = UnknownReason, parse_err_fn = UnknownReason::new)]
pub enum Reason {
    /// It is not an event, or not an event that the step consumes.
    Undecodable,
    /// The step can never process it.
    Poison,
    /// It reached the limit of attempts.
    Exhausted,
}

/// Not the name of a reason.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unknown reason `{0}`; expected one of {names}", names = Reason::VARIANTS.join(", "))]
pub struct UnknownReason(String);

/// One dead letter: the JSON body of its message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// The name of the step that could not process the record.
    pub step: String,
    /// Why the record became a dead letter.
    pub reason: Reason,
    /// The last error, with its causes; at most 4 KiB.
    pub error: String,
    /// The origin of the record, and its attempts so far.
    #[serde(flatten)]
    pub history: DeliveryHistory,
    /// When the record became a dead letter.
    pub last_at_ms: Timestamp,
    /// The record itself. Bytes that are not UTF-8 are replaced, and a record longer than any event
    /// is truncated; the origin has all of it.
    pub record: String,
}

impl Reason {
    /// The reason's name on the wire.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl UnknownReason {
    fn new(name: &str) -> Self {
        Self(name.to_owned())
    }
}

/// The message that stores `record` as a dead letter. Its id is made of the step, the content and the
/// number of replays, and not of the record's place: a step that is interrupted here leaves one dead
/// letter, and so do two copies of a record. A record whose JSON text would be longer than a message is
/// truncated until it fits.
pub fn message(step: &Step, reason: Reason, record: &Record, error: &str) -> OutboundMessage {
    let record_text = String::from_utf8_lossy(&record.line);
    let mut letter = DeadLetter {
        step: step.name.to_owned(),
        reason,
        error: truncate(error, ERROR_BYTES_MAX).to_owned(),
        history: record.history.clone(),
        last_at_ms: own_time(),
        record: truncate(&record_text, DEAD_LETTER_RECORD_BYTES_MAX).to_owned(),
    };
    let mut payload = to_json(&letter);
    while payload.len() > DEAD_LETTER_BYTES_MAX {
        // An escaped character is up to six times as long.
        letter.record = truncate(&letter.record, letter.record.len() / 2).to_owned();
        payload = to_json(&letter);
    }
    let id = format!("{step}.{}.{}", content_id(&record.line), record.history.replays);
    let destination = Destination::Stream(subjects::DEAD_LETTERS, step.dead_subject());
    OutboundMessage::with_id(destination, payload.into(), &id)
}

fn to_json(letter: &DeadLetter) -> Vec<u8> {
    serde_json::to_vec(letter).expect("a dead letter has string keys and integers")
}
