//! The stream as it is: what was told about every order, replayed.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use anyhow::Result;
use orders::{Event, EventKind, OrderId, Status};
use streams::{Connection, Replay, names, stream_state};

/// Decisions that may be told once only, in one wording.
const DECISIONS: usize = 5;

/// What the stream says about all orders.
pub(super) struct Tape {
    pub(super) orders: HashMap<OrderId, Told>,
    /// Whether nothing has been purged from its beginning.
    pub(super) is_whole: bool,
    /// The sequence number of its last message.
    pub(super) end: u64,
}

/// What the stream says about one order.
#[derive(Default)]
pub(super) struct Told {
    pub(super) status: Option<Status>,
    /// The message that brought it there; 0 where none did.
    pub(super) sequence: u64,
    /// Whether a decision was told in two ways.
    pub(super) is_duplicated: bool,
    was_created: bool,
    wordings: [Option<u64>; DECISIONS],
}

impl Tape {
    /// Reads the stream to its end as of now.
    pub(super) async fn read(connection: &Connection) -> Result<Self> {
        let state = stream_state(connection, names::ORDERS).await?;
        let mut tape = Self {
            orders: HashMap::new(),
            is_whole: state.first_sequence <= 1,
            end: state.last_sequence,
        };
        if state.messages == 0 {
            return Ok(tape);
        }
        let mut replay = Replay::from_start(connection, names::ORDERS).await?;
        loop {
            let message = replay.next().await?;
            for line in &message.lines {
                // What is no event became a dead letter, and tells nothing about an order.
                if let Ok(event) = serde_json::from_slice::<Event>(line) {
                    let told = tape.orders.entry(event.order_id).or_default();
                    told.hear(event.body.kind(), line, message.sequence);
                }
            }
            if message.sequence >= state.last_sequence {
                return Ok(tape);
            }
        }
    }
}

impl Told {
    fn hear(&mut self, kind: EventKind, line: &[u8], sequence: u64) {
        let before = self.status;
        let after = before.unwrap_or(Status::Accepted).after(kind);
        // Somebody who orders again under the same key does not bring the order back.
        let is_first = kind == EventKind::Created && !self.was_created;
        if is_first || before.is_some_and(|before| before != after) {
            self.sequence = sequence;
        }
        self.was_created |= is_first;
        self.status = Some(after);
        if let Some(decision) = decision(kind) {
            let mut hasher = DefaultHasher::new();
            line.hash(&mut hasher);
            let wording = hasher.finish();
            self.is_duplicated |= *self.wordings[decision].get_or_insert(wording) != wording;
        }
    }
}

/// Which decision an event tells. Shipped or withdrawn is one decision, by one row.
const fn decision(kind: EventKind) -> Option<usize> {
    match kind {
        EventKind::Reserved | EventKind::Rejected => Some(0),
        EventKind::Paid | EventKind::Declined => Some(1),
        EventKind::Fulfilled | EventKind::Withdrawn => Some(2),
        EventKind::Refunded => Some(3),
        EventKind::Cancelled => Some(4),
        EventKind::Created
        | EventKind::Conflicted
        | EventKind::CancelRequested
        | EventKind::CancelRefused => None,
    }
}
