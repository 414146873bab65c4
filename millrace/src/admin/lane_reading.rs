//! Reads one lane for the events of an order, for a limited time: first where they are likely, then the rest. Lanes
//! have no index of orders.

use std::ops::RangeInclusive;

use anyhow::Result;
use orders::Timestamp;
use serde_json::{Value, json};
use streams::{Connection, Lane, Replay, Replayed, find_ack_floor, find_stream_state, first_since};
use tokio::time::{Instant, timeout_at};
use workers::inventory;

use super::sequence_ranges::SequenceRanges;
use crate::limits::ORDER_EVENTS_MAX;

/// Where the events of an order are likely.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Likely {
    /// In what was stored at these times, and in nothing before `since`.
    Times {
        /// From when to when.
        times: Vec<RangeInclusive<Timestamp>>,
        /// Before this the order did not exist.
        since: Timestamp,
    },
    /// In what inventory has not processed.
    Unprocessed,
}

/// What was read of a lane.
#[derive(Debug)]
pub(super) struct LaneReading {
    lane: Lane,
    /// What there is to read; `None` while that is not known.
    wanted: Option<RangeInclusive<u64>>,
    read: SequenceRanges,
    /// Why it was not read further, if not for the time.
    error: Option<String>,
    /// How many messages were read.
    pub(super) messages: u64,
    /// What `find` has found in them.
    pub(super) found: Vec<Value>,
}

impl LaneReading {
    /// Reads `lane` until `deadline`, with `find` each message.
    pub(super) async fn read(
        connection: &Connection,
        lane: Lane,
        likely: &Likely,
        deadline: Instant,
        find: impl Fn(&Replayed) -> Vec<Value>,
    ) -> Self {
        let (read, found) = (SequenceRanges::default(), Vec::new());
        let mut reading = Self { lane, wanted: None, read, error: None, messages: 0, found };
        let read = timeout_at(deadline, reading.read_all(connection, likely, find)).await;
        if let Ok(Err(err)) = read {
            reading.error = Some(format!("{err:#}"));
        }
        reading
    }

    /// What was not read, as an operator reads it: `nats stream get STREAM SEQUENCE`.
    pub(super) fn not_read(&self) -> Vec<Value> {
        let stream = self.lane.stream();
        let Some(wanted) = &self.wanted else {
            return vec![json!({"stream": stream, "error": self.error})];
        };
        let missing = self.read.missing_in(wanted);
        let missing = missing.iter().map(|part| {
            let (first, last) = (part.start(), part.end());
            json!({"stream": stream, "first_sequence": first, "last_sequence": last, "error": self.error})
        });
        missing.collect()
    }

    async fn read_all(
        &mut self,
        connection: &Connection,
        likely: &Likely,
        find: impl Fn(&Replayed) -> Vec<Value>,
    ) -> Result<()> {
        let stream = self.lane.stream();
        let state = find_stream_state(connection, stream).await?;
        let Some(state) = state.filter(|state| state.messages > 0) else {
            self.wanted = Some(RangeInclusive::new(1, 0));
            return Ok(());
        };
        let (mut first, last) = (state.first_sequence, state.last_sequence);
        let after = |sequence: Option<u64>| sequence.unwrap_or(last + 1);
        let mut parts = Vec::new();
        match likely {
            Likely::Times { times, since } => {
                first = after(first_since(connection, stream, *since).await?);
                for time in times {
                    let from = after(first_since(connection, stream, *time.start()).await?);
                    let to = after(first_since(connection, stream, *time.end()).await?);
                    parts.push(from..=to.saturating_sub(1).min(last));
                }
            }
            Likely::Unprocessed => {
                let reserve = inventory::RESERVE.events();
                let floor = find_ack_floor(connection, &reserve, self.lane).await?;
                parts.push(floor.map_or(first, |floor| floor + 1)..=last);
            }
        }
        parts.push(first..=last);
        self.wanted = Some(first..=last);
        for part in parts {
            for missing in self.read.missing_in(&part) {
                self.read_part(connection, &missing, &find).await?;
                if self.found.len() >= ORDER_EVENTS_MAX {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    async fn read_part(
        &mut self,
        connection: &Connection,
        part: &RangeInclusive<u64>,
        find: impl Fn(&Replayed) -> Vec<Value>,
    ) -> Result<()> {
        let (first, last) = (*part.start(), *part.end());
        let mut replay = Replay::after(connection, self.lane.stream(), first - 1).await?;
        while let Some(message) = replay.next_until(last).await? {
            self.messages += 1;
            self.read.add(&(first..=message.origin.sequence));
            self.found.extend(find(&message));
            if self.found.len() >= ORDER_EVENTS_MAX {
                return Ok(());
            }
        }
        self.read.add(part);
        Ok(())
    }
}
