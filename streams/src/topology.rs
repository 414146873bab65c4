//! What must exist at the broker: three streams, and two durables and a retry durable a pool.

use std::time::Duration;

use async_nats::jetstream::consumer::{self, AckPolicy, IntoConsumerConfig, pull};
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};
use futures_util::future::try_join_all;
use thiserror::Error;
use tokio::time::sleep;

use crate::names::{
    DEAD_LETTERS, DEAD_LETTERS_SUBJECTS, ORDERS, ORDERS_SUBJECTS, RETRIES, RETRIES_SUBJECTS,
};
use crate::{Connection, Profile, Source, Step};

/// A message that is not settled for this long is delivered again. Working goes on under progress
/// acks, so this bounds only how long the work of a killed worker waits.
const ACK_WAIT: Duration = Duration::from_secs(30);
/// What a test sets to wait less for the messages of the workers that it kills, such as `5s`. Heeded by a
/// process that is built for tests.
pub const TEST_ACK_WAIT: &str = "MILLRACE_TEST_ACK_WAIT";
/// Messages that a whole pool may hold: room for sixty workers that have three sets of the smallest
/// messages in work.
const ACK_PENDING_MAX: i64 = 12_000;
/// The broker forgets message ids after this; a publisher repeats for seconds only.
const DUPLICATE_WINDOW: Duration = Duration::from_mins(2);
/// Dead letters are few; if they are not, intake is not their victim.
const DEAD_LETTERS_BYTES_MAX: i64 = 256 << 20;

/// Tries for each stream and durable, each of which waits 5 s for an answer.
const ATTEMPTS_MAX: u32 = 6;
/// Between two tries: a broker that does not see the others yet says so at once.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// What must exist at the broker.
#[derive(Debug, Clone, Copy)]
pub struct Topology {
    /// How many brokers hold each stream.
    pub profile: Profile,
    /// How large the stream of orders may grow; beyond that the broker refuses what comes.
    pub orders_bytes_max: i64,
    /// A message that is not settled for this long is delivered again.
    pub ack_wait: Duration,
}

/// A setting at the broker that was not as it should be, and has been set right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// The stream or durable.
    pub name: String,
    /// What was found.
    pub found: String,
    /// What it is now.
    pub wanted: String,
}

/// The broker did not take a stream or a durable.
#[derive(Debug, Error)]
#[error("the broker did not take {name}")]
pub struct TopologyError {
    name: String,
    source: async_nats::Error,
}

impl Topology {
    /// The usual topology for a profile: up to 4 GiB of orders.
    pub fn new(profile: Profile) -> Self {
        Self { profile, orders_bytes_max: 4 << 30, ack_wait: ack_wait() }
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
                // A retry that is done with leaves no trace.
                retention: RetentionPolicy::WorkQueue,
                allow_message_schedules: true,
                // A schedule that comes again replaces the one before.
                allow_rollup: true,
                // The broker takes schedules only where old messages give way. None ever must, so
                // the stream has no limit of its own: a full store refuses.
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
            // A finite limit would drop messages in silence.
            max_deliver: -1,
            max_ack_pending: ACK_PENDING_MAX,
            filter_subjects: source.subjects.clone(),
            num_replicas: self.profile.brokers(),
            ..pull::Config::default()
        }
    }
}

/// How long a message may be in work without a word about it, in every durable: 30 s.
#[cfg(not(feature = "test-switches"))]
pub const fn ack_wait() -> Duration {
    ACK_WAIT
}

/// The same, unless a test has set less for this process.
#[cfg(feature = "test-switches")]
pub fn ack_wait() -> Duration {
    let set = std::env::var(TEST_ACK_WAIT).ok();
    set.and_then(|text| crate::duration(&text).ok()).unwrap_or(ACK_WAIT)
}

/// Creates what is missing and sets right what has drifted. May run anywhere, any number of times,
/// at the same time.
pub async fn ensure_topology(
    connection: &Connection,
    topology: &Topology,
) -> Result<Vec<Drift>, TopologyError> {
    let streams = topology.streams().map(|wanted| async move {
        let name = wanted.name.clone();
        with_retries(name, async || ensure_stream(connection, &wanted).await).await
    });
    let mut drifts = try_join_all(streams).await?;
    let sources = Step::ALL.iter().flat_map(|step| [step.events(), step.retries()]);
    let durables = sources.map(|source| async move {
        let wanted = topology.durable(&source);
        let ensure = async || ensure_durable(connection, &wanted, &source).await;
        with_retries(source.durable.clone(), ensure).await
    });
    drifts.extend(try_join_all(durables).await?);
    Ok(drifts.into_iter().flatten().collect())
}

/// Sets how large the stream of orders may grow, also where that is less than it may now.
pub async fn set_orders_limit(
    connection: &Connection,
    bytes_max: i64,
) -> Result<(), TopologyError> {
    let limited = async {
        let stream = connection.jetstream.get_stream(ORDERS).await?;
        let config = Config { max_bytes: bytes_max, ..stream.cached_info().config.clone() };
        connection.jetstream.update_stream(&config).await?;
        Ok::<_, async_nats::Error>(())
    };
    limited.await.map_err(|source| TopologyError { name: ORDERS.to_owned(), source })
}

/// Tries a few times: brokers that have just started may still be electing who answers.
async fn with_retries(
    name: String,
    ensure: impl AsyncFn() -> Result<Option<Drift>, async_nats::Error>,
) -> Result<Option<Drift>, TopologyError> {
    let mut attempts = 1;
    loop {
        match ensure().await {
            Err(_) if attempts < ATTEMPTS_MAX => {
                attempts += 1;
                sleep(RETRY_DELAY).await;
            }
            ensured => return ensured.map_err(|source| TopologyError { name, source }),
        }
    }
}

async fn ensure_stream(
    connection: &Connection,
    wanted: &Config,
) -> Result<Option<Drift>, async_nats::Error> {
    let stream = connection.jetstream.get_or_create_stream(wanted.clone()).await?;
    // Whoever gave a stream more room by hand had a reason.
    let found_bytes = stream.cached_info().config.max_bytes;
    let wanted = &Config { max_bytes: wanted.max_bytes.max(found_bytes), ..wanted.clone() };
    let (found, described) =
        (describe_stream(&stream.cached_info().config), describe_stream(wanted));
    if found == described {
        return Ok(None);
    }
    connection.jetstream.update_stream(wanted).await?;
    Ok(Some(Drift { name: wanted.name.clone(), found, wanted: described }))
}

async fn ensure_durable(
    connection: &Connection,
    wanted: &pull::Config,
    source: &Source,
) -> Result<Option<Drift>, async_nats::Error> {
    let stream = connection.jetstream.get_stream_no_info(source.stream).await?;
    let consumer = stream.get_or_create_consumer(&source.durable, wanted.clone()).await?;
    let (found, described) = (
        describe_durable(&consumer.cached_info().config),
        describe_durable(&wanted.clone().into_consumer_config()),
    );
    if found == described {
        return Ok(None);
    }
    stream.update_consumer(wanted.clone()).await?;
    Ok(Some(Drift { name: source.durable.clone(), found, wanted: described }))
}

/// What matters of a stream.
fn describe_stream(config: &Config) -> String {
    format!(
        "subjects {:?}, replicas {}, {:?}, persist {:?}, {:?}, {:?}, max bytes {}, \
         duplicate window {:?}",
        config.subjects,
        config.num_replicas,
        config.storage,
        // The other mode acknowledges before it writes, though the broker syncs every write.
        config.persist_mode.unwrap_or_default(),
        config.retention,
        config.discard,
        config.max_bytes,
        config.duplicate_window,
    )
}

/// What matters of a durable. The broker writes a single filter in a member of its own.
fn describe_durable(config: &consumer::Config) -> String {
    let mut subjects = config.filter_subjects.clone();
    if !config.filter_subject.is_empty() {
        subjects.push(config.filter_subject.clone());
    }
    format!(
        "subjects {subjects:?}, ack wait {:?}, max deliver {}, max ack pending {}",
        config.ack_wait, config.max_deliver, config.max_ack_pending,
    )
}
