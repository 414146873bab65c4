//! What a person reads of a stream or a durable consumer, as with `nats stream info`: a description, and metadata with
//! pool, step, lane and versions. Nothing rests on it. An earlier version writes none and corrects none, and what a
//! later version or a person has written stays, so that no two versions write them in turns.

use std::collections::HashMap;
use std::fmt::Display;

use async_nats::jetstream::stream::Config;

use super::difference::Difference;
use crate::limits::{PEER_LAG_CRITICAL, PEER_SEEN_CRITICAL};
use crate::subjects::SCHEMA;
use crate::{Durable, Lane, Step, StepKind};

/// The version of these labels: raise it with each change of one, so that it is written again.
const VERSION: u32 = 1;
const VERSION_KEY: &str = "millrace-labels";
/// Metadata of a lane's stream: how many lanes the cluster has, so that a lost one is missed.
pub(super) const LANES_KEY: &str = "millrace-lanes";
const LANE_KEY: &str = "millrace-lane";
const POOL_KEY: &str = "millrace-pool";
const STEP_KEY: &str = "millrace-step";
/// The version of the schema of the records.
const SCHEMA_KEY: &str = "millrace-schema";
/// What `nats server check stream` expects: without it, a stream with replicas is CRITICAL.
const PEERS_KEY: &str = "io.nats.monitor.peer-expect";
const PEER_LAG_KEY: &str = "io.nats.monitor.peer-lag-critical";
const PEER_SEEN_KEY: &str = "io.nats.monitor.peer-seen-critical";
/// Metadata that a person may change: thresholds.
const CHANGEABLE: [&str; 2] = [PEER_LAG_KEY, PEER_SEEN_KEY];

/// A description and metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Labels {
    pub(super) description: Option<String>,
    pub(super) metadata: HashMap<String, String>,
}

/// The settings of a stream that is corrected: what its metadata have besides, such as that a lane was removed, stays.
pub(super) fn with_labels_over(found: &Config, wanted: Config) -> Config {
    let labels = Labels::of_config(&wanted).over(&Labels::of_config(found));
    Config { description: labels.description, metadata: labels.metadata, ..wanted }
}

/// The error of an update, unless it was to write labels and nothing else.
pub(super) fn unless_labels_alone<T, E: Display>(
    name: &str,
    corrected: &[Difference],
    updated: Result<T, E>,
) -> Result<(), E> {
    match updated {
        Err(err) if corrected.is_empty() => {
            tracing::debug!(name, %err, "description not written");
            Ok(())
        }
        updated => updated.map(drop),
    }
}

impl Labels {
    /// Those that a stream has.
    pub(super) fn of_config(config: &Config) -> Self {
        Self { description: config.description.clone(), metadata: config.metadata.clone() }
    }

    /// Those of a stream with so many replicas.
    pub(super) fn of_stream(description: &str, replicas: usize) -> Self {
        let mut labels = Self::new(description.to_owned(), &[]);
        if replicas > 1 {
            let seen = humantime::format_duration(PEER_SEEN_CRITICAL).to_string();
            let (peers, lag) = (replicas.to_string(), PEER_LAG_CRITICAL.to_string());
            let own = [(PEERS_KEY, &*peers), (PEER_LAG_KEY, &*lag), (PEER_SEEN_KEY, &*seen)];
            labels = labels.with(&own);
        }
        labels
    }

    /// Those of a lane in a cluster of `count` lanes.
    pub(super) fn of_lane(lane: Lane, count: usize, replicas: usize) -> Self {
        let (number, count) = (lane.number().to_string(), count.to_string());
        let description = format!("Lane {number} of the orders: their events, in batches");
        let own = [(LANE_KEY, &*number), (LANES_KEY, &*count)];
        Self::of_stream(&description, replicas).with(&own)
    }

    /// Those of a durable consumer of a step.
    pub(super) fn of_durable(step: &Step, durable: &Durable) -> Self {
        let Some(lane) = Lane::of_stream(durable.stream) else {
            let description = format!("{}: {step} again what has failed", step.pool);
            return Self::new(
                description,
                &[(POOL_KEY, step.pool.as_str()), (STEP_KEY, step.name)],
            );
        };
        let kind = match step.kind {
            StepKind::Action => "",
            StepKind::Undo => " (undoes)",
            StepKind::Completion => " (completes)",
            StepKind::Observer => " (observes)",
        };
        let events: Vec<&str> = step.consumes.iter().map(|kind| kind.as_str()).collect();
        let description = format!("{}: {step}{kind} after {}", step.pool, events.join(", "));
        let number = lane.number().to_string();
        let own = [(POOL_KEY, step.pool.as_str()), (STEP_KEY, step.name), (LANE_KEY, &*number)];
        Self::new(description, &own)
    }

    fn new(description: String, own: &[(&str, &str)]) -> Self {
        let labels = Self { description: Some(description), metadata: HashMap::new() };
        let version = VERSION.to_string();
        labels.with(&[(VERSION_KEY, &*version), (SCHEMA_KEY, SCHEMA)]).with(own)
    }

    fn with(mut self, entries: &[(&str, &str)]) -> Self {
        let entries = entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        self.metadata.extend(entries);
        self
    }

    /// Whether these, which were found, are to be written again: they are of an earlier version, or one has removed
    /// the description while it corrected something else.
    pub(super) fn are_due(&self) -> bool {
        self.version() < VERSION || !self.has_description()
    }

    /// What is to be written where `found` was found: what these do not know stays.
    pub(super) fn over(self, found: &Self) -> Self {
        let version = found.version();
        let is_kept = |key: &str| {
            version > VERSION
                // That of the cluster, which may be changing.
                || key == LANES_KEY
                || version == VERSION && CHANGEABLE.contains(&key)
                || !self.metadata.contains_key(key)
        };
        let kept = found.metadata.iter().filter(|(key, _)| is_kept(key));
        let kept: Vec<_> = kept.map(|(key, value)| (key.clone(), value.clone())).collect();
        let description = if version >= VERSION && found.has_description() {
            found.description.clone()
        } else {
            self.description
        };
        let mut metadata = self.metadata;
        metadata.extend(kept);
        Self { description, metadata }
    }

    fn version(&self) -> u32 {
        let version = self.metadata.get(VERSION_KEY);
        version.and_then(|version| version.parse().ok()).unwrap_or_default()
    }

    fn has_description(&self) -> bool {
        self.description.as_ref().is_some_and(|text| !text.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use orders::EventKind;

    use super::*;
    use crate::Pool;

    const RELEASE: Step = Step {
        name: "release",
        pool: Pool::new("inventory"),
        kind: StepKind::Undo,
        consumes: &[EventKind::Declined, EventKind::Refunded],
    };

    fn found(description: &str, entries: &[(&str, &str)]) -> Labels {
        let description = (!description.is_empty()).then(|| description.to_owned());
        Labels { description, metadata: HashMap::new() }.with(entries)
    }

    #[test]
    fn a_durable_says_for_which_step_of_which_pool_it_is() {
        let source = RELEASE.events();
        let durable = source.in_lane(Lane::FIRST).unwrap();
        let labels = Labels::of_durable(&RELEASE, &durable);
        let expected = found(
            "inventory: release (undoes) after declined, refunded",
            &[
                ("millrace-labels", "1"),
                ("millrace-schema", "1"),
                ("millrace-pool", "inventory"),
                ("millrace-step", "release"),
                ("millrace-lane", "1"),
            ],
        );
        assert_eq!(labels, expected);
        let retries = RELEASE.retries().durables(&[]).remove(0);
        let labels = Labels::of_durable(&RELEASE, &retries);
        assert_eq!(labels.description.unwrap(), "inventory: release again what has failed");
        assert!(!labels.metadata.contains_key("millrace-lane"));
    }

    #[test]
    fn labels_are_written_where_there_are_none_or_earlier_ones_and_no_later_ones_are_replaced() {
        let own = Labels::of_lane(Lane::FIRST, 3, 3);
        assert!(!own.are_due());
        for earlier in [
            found("", &[("millrace-lanes", "3")]),
            found("of a version before", &[("millrace-lanes", "3"), ("millrace-labels", "0")]),
        ] {
            assert!(earlier.are_due());
            assert_eq!(own.clone().over(&earlier), own);
        }
        let later = found("new", &[("millrace-labels", "2"), ("millrace-schema", "2")]);
        assert!(!later.are_due());
        let kept = own.clone().over(&later);
        assert_eq!(kept.description.as_deref(), Some("new"));
        assert_eq!(kept.metadata["millrace-schema"], "2");
    }

    #[test]
    fn a_description_that_an_earlier_version_has_removed_is_written_again() {
        let mut corrected = Labels::of_lane(Lane::FIRST, 3, 3);
        corrected.description = None;
        assert!(corrected.are_due());
        let own = Labels::of_lane(Lane::FIRST, 3, 3);
        assert_eq!(own.clone().over(&corrected), own);
    }

    #[test]
    fn what_a_person_or_the_cluster_has_written_stays() {
        let mut edited = Labels::of_lane(Lane::FIRST, 4, 3).with(&[
            ("io.nats.monitor.peer-seen-critical", "1m"),
            ("millrace-lane-removed", "true"),
            ("team", "checkout"),
        ]);
        edited.description = Some("ours".to_owned());
        assert!(!edited.are_due());
        assert_eq!(Labels::of_lane(Lane::FIRST, 3, 3).over(&edited), edited);
        let one_replica = Labels::of_lane(Lane::FIRST, 3, 1);
        let corrected = Labels::of_lane(Lane::FIRST, 3, 3).over(&one_replica);
        assert_eq!(corrected, Labels::of_lane(Lane::FIRST, 3, 3));
    }
}
