//! Watches the streams for what would lose an acknowledged order: settings that differ, and a stream
//! that is missing, is another one than before, or was emptied.

use std::collections::{BTreeMap, VecDeque};
use std::mem::take;
use std::time::Duration;

use async_nats::jetstream::stream::{Config, Info};
use time::OffsetDateTime;
use tokio::time::Instant;

use super::Topology;
use super::broker_limits::broker_differences;
use super::difference::{Difference, Impact, STREAM};
use super::inspection::emptied;
use super::lane_count::ClusterLanes;
use super::settings::stream_differences;
use crate::inspect::find_stream;
use crate::inspect_error::InspectError;
use crate::limits::{RETENTION_UNDER_PRESSURE, STREAM_MEMORY_MAX};
use crate::{Connection, Lane};

/// What a running process has seen of the streams.
#[derive(Debug)]
pub struct StreamWatch {
    topology: Topology,
    seen: BTreeMap<String, Seen>,
    /// What differed in each stream when it was last read.
    last: BTreeMap<String, Vec<Difference>>,
}

/// What was seen of one stream.
#[derive(Debug)]
struct Seen {
    /// When the stream was created that was there at first.
    created: OffsetDateTime,
    /// The last messages at earlier looks, and when those were: at most one for each second.
    looks: VecDeque<(Instant, u64)>,
    /// Once it was emptied: the message up to which.
    emptied: Option<u64>,
}

impl StreamWatch {
    /// A watch that has seen nothing yet.
    pub const fn new(topology: Topology) -> Self {
        Self { topology, seen: BTreeMap::new(), last: BTreeMap::new() }
    }

    /// What breaks the promise now. Of a stream that does not reply, what was last seen holds. An error if
    /// no lane replies: the brokers acknowledge nothing then.
    pub async fn look(&mut self, connection: &Connection) -> Result<Vec<Difference>, InspectError> {
        let topology = self.topology;
        let (lanes, unread) = ClusterLanes::read_what_replies(connection, &topology).await?;
        if lanes.infos.is_empty() {
            unread.into_iter().next().map_or(Ok(()), Err)?;
        }
        let mut last = BTreeMap::new();
        for lane in lanes.wanted() {
            let wanted = topology.lane(lane, lanes.count);
            let differences = match lanes.infos.get(&lane) {
                Some(info) => Some(self.compare(info, &wanted)),
                None if lanes.is_missing(lane) => {
                    Some(vec![Difference::missing_stream(&wanted.name)])
                }
                None => None,
            };
            last.insert(wanted.name, differences);
        }
        for wanted in topology.other_streams() {
            let differences = match find_stream(connection, &wanted.name).await {
                Ok(Some(info)) => Some(self.compare(&info, &wanted)),
                Ok(None) => Some(vec![Difference::missing_stream(&wanted.name)]),
                Err(err) => {
                    tracing::debug!(stream = wanted.name, %err, "stream not read");
                    None
                }
            };
            last.insert(wanted.name, differences);
        }
        let mut before = take(&mut self.last);
        let last = last.into_iter().map(|(stream, differences)| {
            let known = before.remove(&stream).unwrap_or_default();
            (stream, differences.unwrap_or(known))
        });
        self.last = last.collect();
        let mut differences: Vec<Difference> = self.last.values().flatten().cloned().collect();
        differences.extend(broker_differences(connection));
        differences.retain(|difference| difference.impact == Impact::BreaksPromise);
        Ok(differences)
    }

    /// What differs in a stream, and from what was seen of it before.
    fn compare(&mut self, info: &Info, wanted: &Config) -> Vec<Difference> {
        // A lane that takes no messages is being added or removed.
        let is_closed = Lane::of_stream(&wanted.name)
            .is_some_and(|lane| info.config.subjects == [lane.closed_subject()]);
        let differences =
            if is_closed { Vec::new() } else { stream_differences(&info.config, wanted) };
        differences.into_iter().chain(self.remember(&wanted.name, info)).collect()
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
        seen.look(state.first_sequence, state.last_sequence, Instant::now());
        seen.emptied.map(|last| emptied(lane, last, Impact::BreaksPromise))
    }
}

impl Seen {
    const fn new(created: OffsetDateTime) -> Self {
        Self { created, looks: VecDeque::new(), emptied: None }
    }

    /// A look. If everything is gone that was there at a recent one, it was emptied: a janitor keeps the last
    /// ten minutes at least.
    fn look(&mut self, first_sequence: u64, last_sequence: u64, now: Instant) {
        self.looks.retain(|(at, _)| now.duration_since(*at) < STREAM_MEMORY_MAX);
        let is_gone = |(_, last): &(Instant, u64)| *last > 0 && first_sequence > *last;
        if self.looks.iter().any(is_gone) {
            self.emptied = Some(first_sequence - 1);
            // What is stored from now on is kept.
            self.looks.clear();
        }
        let is_due = self.looks.back().is_none_or(|(at, last)| {
            *last != last_sequence && now.duration_since(*at) >= LOOKS_INTERVAL
        });
        if is_due {
            self.looks.push_back((now, last_sequence));
        }
    }
}

/// The time between two looks that are remembered: as often as edges look.
const LOOKS_INTERVAL: Duration = Duration::from_millis(900);

const _: () = assert!(
    2 * STREAM_MEMORY_MAX.as_secs() <= RETENTION_UNDER_PRESSURE.as_secs(),
    "a janitor must not purge what a watch has just seen"
);

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_stream_is_emptied_if_all_is_gone_that_was_there_minutes_ago() {
        let (mut seen, start) = (Seen::new(OffsetDateTime::UNIX_EPOCH), Instant::now());
        seen.look(1, 0, start);
        seen.look(1, 5, start + SECOND);
        seen.look(1, 10, start + 2 * SECOND);
        seen.look(5, 10, start + 3 * SECOND);
        assert_eq!(seen.emptied, None, "the janitor keeps the youngest");
        seen.look(10, 10, start + STREAM_MEMORY_MAX / 2);
        assert_eq!(seen.emptied, Some(9), "all but one were purged by hand");
    }

    #[test]
    fn what_a_janitor_has_purged_since_a_look_long_ago_was_not_emptied() {
        let (mut seen, start) = (Seen::new(OffsetDateTime::UNIX_EPOCH), Instant::now());
        seen.look(1, 10, start);
        seen.look(11, 20, start + STREAM_MEMORY_MAX);
        assert_eq!(seen.emptied, None);
        assert!(seen.looks.len() <= 2);
    }
}
