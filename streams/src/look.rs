//! How the cluster stands: its streams, durables, brokers and workers, for those who watch it.

use std::collections::BTreeMap;
use std::time::Duration;

use async_nats::jetstream::consumer::{DeliverPolicy, PullConsumer};
use futures_util::StreamExt;
use orders::{EventKind, Timestamp};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::time::timeout;

use crate::question::{WorkerState, service_name};
use crate::{Connection, Pool, Source, headers, names};

/// Headers that are read to count the orders of a backlog; beyond that the count is an estimate.
const BACKLOG_HEADERS_MAX: usize = 20_000;
/// Messages at the stream's end by which the size of batches is told.
const SIZES_OF: u64 = 500;
/// How long workers may take to say that they are there.
const PRESENCE_TIMEOUT: Duration = Duration::from_millis(300);

/// How far a durable has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ConsumerProgress {
    /// Messages that no worker has been given.
    pub messages_waiting: u64,
    /// Messages that workers hold.
    pub messages_held: u64,
    /// Messages that were delivered more than once and are not done with.
    pub messages_redelivered: u64,
    /// The sequence number up to which everything is done with.
    pub ack_floor: u64,
}

/// What a durable has not done with yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Lag {
    /// Orders; estimated beyond 20,000 messages.
    pub orders: u64,
    /// When the oldest of them was stored.
    pub oldest_at_ms: Option<Timestamp>,
}

/// How full a stream is, and where it lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StreamState {
    /// Messages in it.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The largest number of bytes that it takes; `None` where only the store limits it.
    pub bytes_max: Option<u64>,
    /// The sequence number of its first message.
    pub first_sequence: u64,
    /// The sequence number of its last message.
    pub last_sequence: u64,
    /// The broker that leads it; `None` while there is none, and on a broker without a cluster.
    pub leader: Option<String>,
    /// The brokers that follow, and whether each is in step.
    pub followers: BTreeMap<String, bool>,
}

/// Who is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WorkerPresence {
    /// Workers of each pool.
    pub workers: BTreeMap<&'static str, u64>,
    /// Circuit breakers before the payment provider, one a payment worker, by their state.
    pub breakers: BTreeMap<String, u64>,
}

/// The cluster could not be looked at.
#[derive(Debug, Error)]
#[error("cannot look at {name}")]
pub struct InspectError {
    name: String,
    source: async_nats::Error,
}

impl ConsumerProgress {
    /// Whether nothing waits and nothing is held.
    pub const fn is_at_end(&self) -> bool {
        self.messages_waiting == 0 && self.messages_held == 0
    }
}

/// How far the durable of `source` has come.
pub async fn position(
    connection: &Connection,
    source: &Source,
) -> Result<ConsumerProgress, InspectError> {
    let looked = async {
        let stream = connection.jetstream.get_stream_no_info(source.stream).await?;
        let durable: PullConsumer = stream.get_consumer(&source.durable).await?;
        let info = durable.cached_info();
        Ok::<_, async_nats::Error>(ConsumerProgress {
            messages_waiting: info.num_pending,
            messages_held: info.num_ack_pending as u64,
            messages_redelivered: info.num_redelivered as u64,
            ack_floor: info.ack_floor.stream_sequence,
        })
    };
    looked.await.map_err(|err| inspect_error(&source.durable, err))
}

/// What the durable of `source`, which has come to `position`, has not done with.
pub async fn lag(
    connection: &Connection,
    source: &Source,
    position: &ConsumerProgress,
) -> Result<Lag, InspectError> {
    if position.is_at_end() {
        return Ok(Lag::default());
    }
    let read = async {
        let stream = connection.jetstream.get_stream_no_info(source.stream).await?;
        let from = position.ack_floor + 1;
        headers::read(&stream, from_sequence(from), &source.subjects, BACKLOG_HEADERS_MAX).await
    };
    let headers = read.await.map_err(|err| inspect_error(&source.durable, err))?;
    let mut orders = headers.iter().map(|header| header.records).sum();
    if headers.len() == BACKLOG_HEADERS_MAX {
        let messages = position.messages_waiting + position.messages_held;
        orders = orders * messages / headers.len() as u64;
    }
    Ok(Lag { orders, oldest_at_ms: headers.first().map(|header| header.stored_at) })
}

/// How full the stream `name` is.
pub async fn stream_state(
    connection: &Connection,
    name: &str,
) -> Result<StreamState, InspectError> {
    let stream = connection.jetstream.get_stream(name).await;
    let stream = stream.map_err(|err| inspect_error(name, err))?;
    let info = stream.cached_info();
    let followers = info.cluster.iter().flat_map(|cluster| &cluster.replicas);
    Ok(StreamState {
        messages: info.state.messages,
        bytes: info.state.bytes,
        bytes_max: u64::try_from(info.config.max_bytes).ok(),
        first_sequence: info.state.first_sequence,
        last_sequence: info.state.last_sequence,
        leader: info.cluster.as_ref().and_then(|cluster| cluster.leader.clone()),
        followers: followers.map(|peer| (peer.name.clone(), peer.current)).collect(),
    })
}

/// The mean number of orders in a message, of each kind among the last 500 messages.
pub async fn batch_sizes(
    connection: &Connection,
) -> Result<BTreeMap<EventKind, f64>, InspectError> {
    let state = stream_state(connection, names::ORDERS).await?;
    if state.messages == 0 {
        return Ok(BTreeMap::new());
    }
    let read = async {
        let stream = connection.jetstream.get_stream_no_info(names::ORDERS).await?;
        let from = (state.last_sequence + 1).saturating_sub(SIZES_OF).max(state.first_sequence);
        headers::read(&stream, from_sequence(from), &[], SIZES_OF as usize).await
    };
    let mut sums: BTreeMap<EventKind, (u64, u64)> = BTreeMap::new();
    for header in read.await.map_err(|err| inspect_error(names::ORDERS, err))? {
        if let Some(kind) = names::event_kind(&header.subject) {
            let (messages, records) = sums.entry(kind).or_default();
            *messages += 1;
            *records += header.records;
        }
    }
    let mean = |(kind, (messages, records))| (kind, records as f64 / messages as f64);
    Ok(sums.into_iter().map(mean).collect())
}

/// The workers that say that they are there.
pub async fn present(connection: &Connection) -> Result<WorkerPresence, InspectError> {
    #[derive(Deserialize)]
    struct Stats {
        name: String,
        #[serde(default)]
        endpoints: Vec<Endpoint>,
    }
    #[derive(Deserialize)]
    struct Endpoint {
        data: Option<WorkerState>,
    }
    let client = &connection.client;
    let asked = async {
        let inbox = client.new_inbox();
        let answers = client.subscribe(inbox.clone()).await?;
        client.publish_with_reply("$SRV.STATS", inbox, "".into()).await?;
        Ok::<_, async_nats::Error>(answers)
    };
    let mut answers = asked.await.map_err(|err| inspect_error("the workers", err))?;
    let workers = Pool::ALL.map(|pool| (pool.as_str(), 0)).into();
    let mut present = WorkerPresence { workers, breakers: BTreeMap::new() };
    let listen = async {
        while let Some(answer) = answers.next().await {
            let Ok(Stats { name, endpoints }) = serde_json::from_slice(&answer.payload) else {
                continue;
            };
            for pool in Pool::ALL.into_iter().filter(|pool| service_name(*pool) == name) {
                *present.workers.entry(pool.as_str()).or_default() += 1;
            }
            let state = endpoints.into_iter().find_map(|endpoint| endpoint.data);
            if let Some(breaker) = state.and_then(|state| state.breaker) {
                *present.breakers.entry(breaker).or_default() += 1;
            }
        }
    };
    // Nobody says how many there are: the time is the end.
    timeout(PRESENCE_TIMEOUT, listen).await.ok();
    Ok(present)
}

fn from_sequence(start_sequence: u64) -> DeliverPolicy {
    DeliverPolicy::ByStartSequence { start_sequence: start_sequence.max(1) }
}

pub(crate) fn inspect_error(name: &str, source: impl Into<async_nats::Error>) -> InspectError {
    InspectError { name: name.to_owned(), source: source.into() }
}
