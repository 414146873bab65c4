//! The streams and consumers that must exist at the broker: three streams, and for each step one
//! durable consumer for events and one for retries.

//!
//! `settings` compares what is at the broker with this; `ensure` creates and corrects, `inspection`
//! lists all that differs, and `watch` sees what is at stake for an acknowledged order.

mod difference;
mod ensure;
mod inspection;
mod settings;
mod watch;

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, pull};
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};

use crate::limits::{
    ACK_PENDING_MAX, ACK_WAIT, DEAD_LETTERS_BYTES_MAX, DUPLICATE_WINDOW, ORDERS_BYTES_MAX,
};
use crate::subjects::{
    DEAD_LETTERS, DEAD_LETTERS_SUBJECTS, ORDERS, ORDERS_SUBJECTS, RETRIES, RETRIES_SUBJECTS,
};
use crate::{Profile, Source};

pub use difference::{Difference, Impact};
pub use ensure::{
    TopologyError, ensure_topology, keep_topology, resume_topology, set_orders_limit,
};
pub use inspection::{Inspection, inspect_topology, paused_consumers};
pub use watch::StreamWatch;

/// Environment variable by which a test shortens the ack wait, such as `5s`, so that it waits less
/// for the messages of the workers that it kills. Only test builds read it.
pub const TEST_ACK_WAIT: &str = "MILLRACE_TEST_ACK_WAIT";
/// The settings of the streams and consumers at the broker.
#[derive(Debug, Clone, Copy)]
pub struct Topology {
    /// The durability profile, which sets the number of replicas of each stream.
    pub profile: Profile,
    /// The size limit of the stream of orders in bytes; beyond it the broker rejects new messages.
    pub orders_bytes_max: i64,
    /// An unacked message is redelivered after this.
    pub ack_wait: Duration,
}

impl Topology {
    /// The default topology for a profile: up to 4 GiB of orders.
    pub fn new(profile: Profile) -> Self {
        Self { profile, orders_bytes_max: ORDERS_BYTES_MAX, ack_wait: ack_wait() }
    }

    fn streams(&self) -> [Config; 3] {
        let stream = |name: &str, subjects: &[&str], max_bytes| Config {
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
        };
        [
            stream(ORDERS, &[ORDERS_SUBJECTS], self.orders_bytes_max),
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
                ..stream(RETRIES, &RETRIES_SUBJECTS, -1)
            },
            stream(DEAD_LETTERS, &DEAD_LETTERS_SUBJECTS, DEAD_LETTERS_BYTES_MAX),
        ]
    }

    pub(crate) fn durable(&self, source: &Source) -> pull::Config {
        pull::Config {
            durable_name: Some(source.durable.clone()),
            ack_policy: AckPolicy::Explicit,
            ack_wait: self.ack_wait,
            // A finite limit would drop messages silently.
            max_deliver: -1,
            max_ack_pending: ACK_PENDING_MAX,
            filter_subjects: source.subjects.clone(),
            num_replicas: self.profile.brokers(),
            ..pull::Config::default()
        }
    }
}

/// How long a message may be unacked, without a progress ack, before it is redelivered: 30 s.
#[cfg(not(feature = "failpoints"))]
pub const fn ack_wait() -> Duration {
    ACK_WAIT
}

/// How long a message may be unacked, without a progress ack, before it is redelivered: 30 s,
/// unless [`TEST_ACK_WAIT`] is set.
#[cfg(feature = "failpoints")]
pub fn ack_wait() -> Duration {
    let test_value = std::env::var(TEST_ACK_WAIT).ok();
    test_value.and_then(|text| crate::parse_duration(&text).ok()).unwrap_or(ACK_WAIT)
}
