//! The streams and consumers that must exist at the broker: three streams, and for each step one
//! durable consumer for events and one for retries.

use std::time::Duration;

use async_nats::jetstream::consumer::{self, AckPolicy, IntoConsumerConfig, pull};
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};
use futures_util::future::try_join_all;
use thiserror::Error;
use tokio::time::sleep;

use crate::inspect::find_progress;
use crate::limits::{
    ACK_PENDING_MAX, ACK_WAIT, DEAD_LETTERS_BYTES_MAX, DUPLICATE_WINDOW, ORDERS_BYTES_MAX,
    TOPOLOGY_ATTEMPTS_MAX, TOPOLOGY_RETRY_DELAY,
};
use crate::subjects::{
    DEAD_LETTERS, DEAD_LETTERS_SUBJECTS, ORDERS, ORDERS_SUBJECTS, RETRIES, RETRIES_SUBJECTS,
};
use crate::{Connection, Profile, Source, Step};

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

/// A stream or consumer whose settings had drifted, and have been corrected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// The name of the stream or durable.
    pub name: String,
    /// The settings that were found.
    pub found: String,
    /// The settings that are now in effect.
    pub expected: String,
}

/// The broker rejected a stream or a durable consumer.
#[derive(Debug, Error)]
#[error("the broker rejected {name}")]
pub struct TopologyError {
    name: String,
    source: async_nats::Error,
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

/// Creates missing streams and the consumers of `steps`, and corrects settings that have drifted.
/// Idempotent, and safe to run in several processes concurrently.
pub async fn ensure_topology(
    connection: &Connection,
    topology: &Topology,
    steps: &[Step],
) -> Result<Vec<Drift>, TopologyError> {
    ensure(connection, topology, steps, true).await
}

/// Like [`ensure_topology`], for a cluster that is running: a stream that is missing is an error. It
/// was lost, and an empty one in its place would hide that.
pub async fn keep_topology(
    connection: &Connection,
    topology: &Topology,
    steps: &[Step],
) -> Result<Vec<Drift>, TopologyError> {
    ensure(connection, topology, steps, false).await
}

async fn ensure(
    connection: &Connection,
    topology: &Topology,
    steps: &[Step],
    creates_streams: bool,
) -> Result<Vec<Drift>, TopologyError> {
    let streams = topology.streams().map(|wanted| async move {
        let name = wanted.name.clone();
        let ensure = async || ensure_stream(connection, &wanted, creates_streams).await;
        with_retries(name, ensure).await
    });
    let mut drifts = try_join_all(streams).await?;
    let sources = steps.iter().flat_map(|step| [step.events(), step.retries()]);
    let durables = sources.map(|source| async move {
        let wanted = topology.durable(&source);
        let ensure = async || ensure_durable(connection, &wanted, &source, !creates_streams).await;
        with_retries(source.durable.clone(), ensure).await
    });
    drifts.extend(try_join_all(durables).await?);
    Ok(drifts.into_iter().flatten().collect())
}

/// Sets the size limit of the stream of orders, which may be lower than the current one.
pub async fn set_orders_limit(
    connection: &Connection,
    bytes_max: i64,
) -> Result<(), TopologyError> {
    let updated = async {
        let stream = connection.jetstream.get_stream(ORDERS).await?;
        let config = Config { max_bytes: bytes_max, ..stream.cached_info().config.clone() };
        connection.jetstream.update_stream(&config).await?;
        Ok::<_, async_nats::Error>(())
    };
    updated.await.map_err(|source| TopologyError { name: ORDERS.to_owned(), source })
}

/// Retries a few times: brokers that have just started may still be electing a leader.
async fn with_retries(
    name: String,
    ensure: impl AsyncFn() -> Result<Option<Drift>, async_nats::Error>,
) -> Result<Option<Drift>, TopologyError> {
    let mut attempts = 1;
    loop {
        match ensure().await {
            Err(_) if attempts < TOPOLOGY_ATTEMPTS_MAX => {
                attempts += 1;
                sleep(TOPOLOGY_RETRY_DELAY).await;
            }
            result => return result.map_err(|source| TopologyError { name, source }),
        }
    }
}

async fn ensure_stream(
    connection: &Connection,
    wanted: &Config,
    creates: bool,
) -> Result<Option<Drift>, async_nats::Error> {
    let stream = if creates {
        connection.jetstream.get_or_create_stream(wanted.clone()).await?
    } else {
        connection.jetstream.get_stream(&wanted.name).await?
    };
    // Keep a larger limit that an operator set by hand; while the cluster runs, any.
    let found_bytes = stream.cached_info().config.max_bytes;
    let max_bytes = if creates { wanted.max_bytes.max(found_bytes) } else { found_bytes };
    let wanted = &Config { max_bytes, ..wanted.clone() };
    let (found, described) =
        (describe_stream(&stream.cached_info().config), describe_stream(wanted));
    if found == described {
        return Ok(None);
    }
    connection.jetstream.update_stream(wanted).await?;
    Ok(Some(Drift { name: wanted.name.clone(), found, expected: described }))
}

async fn ensure_durable(
    connection: &Connection,
    wanted: &pull::Config,
    source: &Source,
    reports_missing: bool,
) -> Result<Option<Drift>, async_nats::Error> {
    let stream = connection.jetstream.get_stream_no_info(source.stream).await?;
    let is_missing = reports_missing && find_progress(connection, source).await?.is_none();
    let consumer = stream.get_or_create_consumer(&source.durable, wanted.clone()).await?;
    if is_missing {
        let expected = describe_durable(&consumer.cached_info().config);
        return Ok(Some(Drift {
            name: source.durable.clone(),
            found: "missing".to_owned(),
            expected,
        }));
    }
    let (found, described) = (
        describe_durable(&consumer.cached_info().config),
        describe_durable(&wanted.clone().into_consumer_config()),
    );
    if found == described {
        return Ok(None);
    }
    stream.update_consumer(wanted.clone()).await?;
    Ok(Some(Drift { name: source.durable.clone(), found, expected: described }))
}

/// The settings of a stream that are compared.
fn describe_stream(config: &Config) -> String {
    format!(
        "subjects {:?}, replicas {}, {:?}, persist {:?}, {:?}, {:?}, max bytes {}, max age {:?}, \
         max messages {}, max messages for each subject {}, max message size {}, \
         duplicate window {:?}",
        config.subjects,
        config.num_replicas,
        config.storage,
        // The other mode acknowledges before it writes, even if the broker fsyncs every write.
        config.persist_mode.unwrap_or_default(),
        config.retention,
        config.discard,
        config.max_bytes,
        config.max_age,
        // Without a limit the broker reports -1, and the client's default is 0.
        config.max_messages.max(0),
        config.max_messages_per_subject.max(0),
        config.max_message_size.max(0),
        config.duplicate_window,
    )
}

/// The settings of a durable that are compared. The broker reports a single filter subject in a
/// separate field.
fn describe_durable(config: &consumer::Config) -> String {
    let mut subjects = config.filter_subjects.clone();
    if !config.filter_subject.is_empty() {
        subjects.push(config.filter_subject.clone());
    }
    format!(
        "subjects {subjects:?}, ack wait {:?}, max deliver {}, max ack pending {}, max batch {}, \
         max bytes {}, replicas {}",
        config.ack_wait,
        config.max_deliver,
        config.max_ack_pending,
        config.max_batch.max(0),
        config.max_bytes.max(0),
        config.num_replicas,
    )
}
