//! Watches the streams for what would lose an acknowledged order: settings that differ, and a stream
//! that is missing, is another one than before, or was emptied.

use std::collections::BTreeMap;

use async_nats::jetstream::stream::Info;
use time::OffsetDateTime;
use tokio::time::Instant;

use super::Topology;
use super::difference::{Difference, Impact, STREAM};
use super::inspection::emptied;
use super::lane_count::ClusterLanes;
use super::settings::stream_differences;
use crate::inspect::find_stream;
use crate::inspect_error::{InspectError, inspect_error};
use crate::limits::{RETENTION_UNDER_PRESSURE, STREAM_MEMORY_MAX};
use crate::{Connection, Lane};

/// What a running process has seen of the streams.
#[derive(Debug)]
pub struct StreamWatch {
    topology: Topology,
    seen: BTreeMap<String, Seen>,
}

/// What was seen of one stream.
#[derive(Debug)]
struct Seen {
    /// When the stream was created that was there at first.
    created: OffsetDateTime,
    /// The last message at the last look, and when that was.
    last_sequence: u64,
    looked_at: Instant,
    /// Once it was emptied: the message up to which.
    emptied: Option<u64>,
}

impl StreamWatch {
    /// A watch that has seen nothing yet.
    pub const fn new(topology: Topology) -> Self {
        Self { topology, seen: BTreeMap::new() }
    }

    /// What breaks the promise now. An error if the brokers do not reply: they acknowledge nothing
    /// then. A lane that does not reply is passed over: it acknowledges nothing either.
    pub async fn look(&mut self, connection: &Connection) -> Result<Vec<Difference>, InspectError> {
        let topology = self.topology;
        let (lanes, unread) = ClusterLanes::read_what_replies(connection, &topology).await?;
        if lanes.infos.is_empty() {
            unread.into_iter().next().map_or(Ok(()), Err)?;
        }
        let mut differences = Vec::new();
        for lane in lanes.wanted() {
            let wanted = topology.lane(lane, lanes.count);
            if lanes.is_missing(lane) {
                differences.push(Difference::missing_stream(&wanted.name));
            } else if let Some(info) = lanes.infos.get(&lane) {
                // A lane that takes no messages is being added or removed.
                if info.config.subjects != [lane.closed_subject()] {
                    differences.extend(stream_differences(&info.config, &wanted));
                }
                differences.extend(self.remember(&wanted.name, info));
            }
        }
        for wanted in topology.other_streams() {
            let info = find_stream(connection, &wanted.name).await;
            match info.map_err(|err| inspect_error(&wanted.name, err))? {
                Some(info) => {
                    differences.extend(stream_differences(&info.config, &wanted));
                    differences.extend(self.remember(&wanted.name, &info));
                }
                None => differences.push(Difference::missing_stream(&wanted.name)),
            }
        }
        differences.retain(|difference| difference.impact == Impact::BreaksPromise);
        Ok(differences)
    }

    /// Compares a stream with what was seen of it before.
    fn remember(&mut self, name: &str, info: &Info) -> Option<Difference> {
        let (created, state) = (info.created, &info.state);
        let seen = self.seen.entry(name.to_owned()).or_insert_with(|| Seen::new(created));
        if seen.created != created {
            let found_and_expected = (
                format!("another one, created at {created}"),
                format!("the one of {}", seen.created),
            );
            return Some(Difference::new(name, STREAM, found_and_expected, Impact::BreaksPromise));
        }
        let lane = Lane::of_stream(name)?;
        if seen.was_emptied(state.first_sequence, Instant::now()) {
            seen.emptied = Some(state.first_sequence - 1);
        }
        (seen.last_sequence, seen.looked_at) = (state.last_sequence, Instant::now());
        seen.emptied.map(|last| emptied(lane, last, Impact::BreaksPromise))
    }
}

impl Seen {
    fn new(created: OffsetDateTime) -> Self {
        Self { created, last_sequence: 0, looked_at: Instant::now(), emptied: None }
    }

    /// Whether everything is gone that was there at the last look. A janitor keeps the last ten
    /// minutes at least, so if that look was recent, it was not a janitor.
    fn was_emptied(&self, first_sequence: u64, now: Instant) -> bool {
        let is_recent = now.duration_since(self.looked_at) < STREAM_MEMORY_MAX;
        is_recent && self.last_sequence > 0 && first_sequence > self.last_sequence
    }
}

const _: () = assert!(
    2 * STREAM_MEMORY_MAX.as_secs() <= RETENTION_UNDER_PRESSURE.as_secs(),
    "a janitor must not purge what a watch has just seen"
);

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_stream_is_emptied_if_all_is_gone_that_was_there_a_moment_ago() {
        let created = OffsetDateTime::UNIX_EPOCH;
        let mut seen = Seen::new(created);
        let now = seen.looked_at;
        assert!(!seen.was_emptied(1, now), "nothing was seen yet");
        seen.last_sequence = 10;
        assert!(!seen.was_emptied(10, now), "the janitor keeps the youngest");
        assert!(seen.was_emptied(11, now + Duration::from_secs(2)));
        // A process that was paused for long has not seen what a janitor has purged since.
        assert!(!seen.was_emptied(11, now + STREAM_MEMORY_MAX));
    }
}
