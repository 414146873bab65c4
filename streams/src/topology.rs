//! The streams and consumers that must exist at the broker: the lanes, the streams of retries and of
//! dead letters, the bucket of settings, and for each step one durable consumer in every lane and one for
//! retries.
//!
//! `settings` compares what is at the broker with this; `ensure` creates and corrects, `inspection`
//! lists all that differs, `watch` sees what is at stake for an acknowledged order, `lane_count`
//! says which lanes a cluster has, and `change_lanes` adds and removes some. `admin_records` creates the
//! stream that `millrace admin` alone needs.

mod admin_records;
mod attempts;
mod broker_limits;
mod change_lanes;
mod difference;
mod ensure;
mod error;
mod inspection;
mod labels;
mod lane_count;
mod mode;
mod settings;
mod settings_bucket;
mod watch;

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, pull};
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};

use crate::limits::{
    ACK_PENDING_MAX, ACK_WAIT, ADMIN_RECORD_BYTES_MAX, ADMIN_RECORDS_AGE_MAX,
    ADMIN_RECORDS_BYTES_MAX, DEAD_LETTERS_BYTES_MAX, DUPLICATE_WINDOW, ORDERS_BYTES_MAX,
    SETTING_BYTES_MAX, SETTING_HISTORY, SETTINGS_BYTES_MAX,
};
use crate::subjects::{
    ADMIN, ADMIN_SUBJECTS, DEAD_LETTERS, DEAD_LETTERS_SUBJECTS, EDGES_STREAM, EDGES_SUBJECTS,
    POOLS_STREAM, POOLS_SUBJECTS, RETRIES, RETRIES_SUBJECTS,
};
use crate::{Durable, Lane, Profile};

pub use admin_records::{AdminRecords, ensure_admin_records};
pub use change_lanes::{LaneCountError, set_lane_count};
pub use difference::{Difference, Impact};
pub use ensure::{Ensured, ensure_topology, keep_topology, resume_topology, set_lane_limit};
pub use error::TopologyError;
pub use inspection::{Inspection, inspect_topology, paused_consumers};
use labels::Labels;
pub(crate) use lane_count::{is_one_removed, is_open};
pub use watch::StreamWatch;

/// Environment variable by which a test shortens the ack wait, such as `5s`, so that it waits less
/// for the messages of the workers that it kills. Only test builds read it.
pub const TEST_ACK_WAIT: &str = "MILLRACE_TEST_ACK_WAIT";
/// Metadata of a lane's stream: that another lane was removed, with the events that it held.
const REMOVED_KEY: &str = "millrace-lane-removed";

/// The settings of the streams and consumers at the broker.
#[derive(Debug, Clone, Copy)]
pub struct Topology {
    /// The durability profile, which sets the number of replicas of each stream.
    pub profile: Profile,
    /// The number of lanes of a new cluster. One that exists has those that it has.
    pub lanes: usize,
    /// The size limit of a lane in bytes; beyond it the broker rejects new messages.
    pub orders_bytes_max: i64,
    /// An unacked message is redelivered after this.
    pub ack_wait: Duration,
}

impl Topology {
    /// The default topology for a profile: up to 4 GiB of orders.
    pub fn new(profile: Profile) -> Self {
        let lanes = profile.lanes();
        Self { profile, lanes, orders_bytes_max: ORDERS_BYTES_MAX, ack_wait: ack_wait() }
    }

    /// How many streams a cluster of this topology has.
    pub fn stream_count(&self) -> usize {
        self.lanes + self.other_streams().len() + self.settings().len()
    }

    /// The stream of a lane that takes messages, in a cluster of `count` lanes.
    pub(crate) fn lane(&self, lane: Lane, count: usize) -> Config {
        let labels = Labels::of_lane(lane, count, self.profile.brokers());
        let subjects = &[&*lane.open_subjects()];
        self.stream(lane.stream(), subjects, self.orders_bytes_max, labels)
    }

    /// The streams besides the lanes.
    fn other_streams(&self) -> [Config; 2] {
        [
            Config {
                // A processed retry is deleted.
                retention: RetentionPolicy::WorkQueue,
                allow_message_schedules: true,
                // A repeated schedule replaces the previous one.
                allow_rollup: true,
                // The broker supports schedules only with this discard policy. Old messages must
                // never be discarded, so the stream has no size limit: a full store rejects new
                // messages.
                discard: DiscardPolicy::Old,
                ..self.stream(
                    RETRIES,
                    &RETRIES_SUBJECTS,
                    -1,
                    self.labels("Records of steps that have failed, each until its next attempt"),
                )
            },
            self.stream(
                DEAD_LETTERS,
                &DEAD_LETTERS_SUBJECTS,
                DEAD_LETTERS_BYTES_MAX,
                self.labels("Records that no step could process, and how each was resolved"),
            ),
        ]
    }

    /// The streams of the buckets of settings. No order is in them.
    fn settings(&self) -> [Config; 2] {
        [
            self.settings_of("pools", POOLS_STREAM, &POOLS_SUBJECTS),
            self.settings_of("edges", EDGES_STREAM, &EDGES_SUBJECTS),
        ]
    }

    fn settings_of(&self, whose: &str, stream: &str, subjects: &[&str]) -> Config {
        let description = format!("Settings of {whose}: nats kv ls {}", whose.to_uppercase());
        Config {
            max_messages_per_subject: SETTING_HISTORY,
            max_message_size: SETTING_BYTES_MAX,
            // What was set is remembered: neither deleted nor replaced.
            deny_delete: true,
            ..self.stream(stream, subjects, SETTINGS_BYTES_MAX, self.labels(&description))
        }
    }

    /// The stream of records of repairs. No order is in it.
    fn admin_records(&self) -> Config {
        let description = "Repairs, by whom and why: nats stream get ADMIN 1";
        Config {
            max_age: ADMIN_RECORDS_AGE_MAX,
            max_message_size: ADMIN_RECORD_BYTES_MAX,
            // What was done is neither deleted nor replaced.
            deny_delete: true,
            deny_purge: true,
            ..self.stream(ADMIN, &ADMIN_SUBJECTS, ADMIN_RECORDS_BYTES_MAX, self.labels(description))
        }
    }

    fn labels(&self, description: &str) -> Labels {
        Labels::of_stream(description, self.profile.brokers())
    }

    fn stream(&self, name: &str, subjects: &[&str], max_bytes: i64, labels: Labels) -> Config {
        Config {
            description: labels.description,
            metadata: labels.metadata,
            name: name.to_owned(),
            subjects: subjects.iter().map(ToString::to_string).collect(),
            storage: StorageType::File,
            num_replicas: self.profile.brokers(),
            retention: RetentionPolicy::Limits,
            discard: DiscardPolicy::New,
            max_bytes,
            duplicate_window: DUPLICATE_WINDOW,
            allow_direct: true,
            ..Config::default()
        }
    }

    pub(crate) fn durable(&self, durable: &Durable) -> pull::Config {
        pull::Config {
            durable_name: Some(durable.name.clone()),
            ack_policy: AckPolicy::Explicit,
            ack_wait: self.ack_wait,
            // A finite limit would drop messages silently.
            max_deliver: -1,
            max_ack_pending: ACK_PENDING_MAX,
            filter_subjects: durable.subjects.clone(),
            num_replicas: self.profile.brokers(),
            ..pull::Config::default()
        }
    }
}

/// How long a message may be unacked, without a progress ack, before it is redelivered: 10 s.
#[cfg(not(feature = "failpoints"))]
pub const fn ack_wait() -> Duration {
    ACK_WAIT
}

/// How long a message may be unacked, without a progress ack, before it is redelivered: 10 s,
/// unless [`TEST_ACK_WAIT`] is set.
#[cfg(feature = "failpoints")]
pub fn ack_wait() -> Duration {
    let test_value = std::env::var(TEST_ACK_WAIT).ok();
    test_value.and_then(|text| crate::parse_duration(&text).ok()).unwrap_or(ACK_WAIT)
}
