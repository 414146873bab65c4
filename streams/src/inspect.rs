//! The state of the cluster: its streams, durables, brokers and workers.

use std::collections::BTreeMap;

use async_nats::jetstream::consumer::{self, DeliverPolicy};
use async_nats::jetstream::context::{ConsumerInfoErrorKind, GetStreamErrorKind};
use async_nats::jetstream::{ErrorCode, stream};
use futures_util::StreamExt;
use orders::{EventKind, Timestamp};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::time::timeout;

use crate::limits::{BACKLOG_HEADERS_MAX, BATCH_SIZE_SAMPLE, WORKER_PRESENCE_TIMEOUT};
use crate::rpc::{WorkerState, service_name};
use crate::{Connection, Pool, Source, message_headers, subjects};

/// The progress of a durable consumer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ConsumerProgress {
    /// Messages that have not been delivered to any worker.
    pub messages_waiting: u64,
    /// Messages that are delivered and not yet acked.
    pub messages_held: u64,
    /// Messages that were delivered more than once and are not yet acked.
    pub messages_redelivered: u64,
    /// The sequence number up to which every message is acked.
    pub ack_floor: u64,
}

/// The backlog of a durable consumer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Lag {
    /// The number of orders; estimated beyond 20,000 messages.
    pub orders: u64,
    /// The time at which the oldest of them was stored.
    pub oldest_at_ms: Option<Timestamp>,
}

/// The size of a stream, and where its replicas are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StreamState {
    /// The number of messages in it.
    pub messages: u64,
    /// The size of the messages, in bytes.
    pub bytes: u64,
    /// The size limit in bytes; `None` if only the broker's store limits it.
    pub bytes_max: Option<u64>,
    /// The sequence number of its first message.
    pub first_sequence: u64,
    /// The sequence number of its last message.
    pub last_sequence: u64,
    /// The broker that leads it; `None` during an election, and on a standalone broker.
    pub leader: Option<String>,
    /// The follower brokers, and whether each is up to date.
    pub followers: BTreeMap<String, bool>,
}

/// The workers that are running.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WorkerPresence {
    /// The number of workers of each pool.
    pub workers: BTreeMap<&'static str, u64>,
    /// The number of circuit breakers in each state. Each payment worker has one, in front of the
    /// payment provider.
    pub breakers: BTreeMap<String, u64>,
}

/// Reading the state of the cluster failed.
#[derive(Debug, Error)]
#[error("cannot inspect {name}")]
pub struct InspectError {
    name: String,
    source: async_nats::Error,
}

impl StreamState {
    /// How full it is, in per cent of its own limit; `None` without one.
    pub fn fill_percent(&self) -> Option<u64> {
        self.bytes_max.map(|max| self.bytes.saturating_mul(100) / max.max(1))
    }
}

impl ConsumerProgress {
    /// Whether every message is delivered and acked.
    pub const fn is_at_end(&self) -> bool {
        self.messages_waiting == 0 && self.messages_held == 0
    }
}

/// The progress of the durable consumer of `source`.
pub async fn consumer_progress(
    connection: &Connection,
    source: &Source,
) -> Result<ConsumerProgress, InspectError> {
    let progress = find_progress(connection, source).await?;
    progress.ok_or_else(|| inspect_error(&source.durable, "the consumer does not exist"))
}

/// The progress of the durable consumer of `source`; `None` if it or its stream does not exist.
pub async fn find_progress(
    connection: &Connection,
    source: &Source,
) -> Result<Option<ConsumerProgress>, InspectError> {
    let found = find_consumer(connection, source).await;
    let info = found.map_err(|err| inspect_error(&source.durable, err))?;
    Ok(info.map(|info| ConsumerProgress {
        messages_waiting: info.num_pending,
        messages_held: info.num_ack_pending as u64,
        messages_redelivered: info.num_redelivered as u64,
        ack_floor: info.ack_floor.stream_sequence,
    }))
}

/// A durable consumer's settings and state; `None` if it or its stream does not exist.
pub(crate) async fn find_consumer(
    connection: &Connection,
    source: &Source,
) -> Result<Option<consumer::Info>, async_nats::Error> {
    let stream = connection.jetstream.get_stream_no_info(source.stream).await?;
    match stream.consumer_info(&source.durable).await {
        Ok(info) => Ok(Some(info)),
        Err(err) if is_missing(&err.kind()) => Ok(None),
        Err(err) => Err(err.into()),
    }
}

/// The backlog of the durable consumer of `source`, whose progress is `position`.
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
        let from = from_sequence(from);
        message_headers::read(&stream, from, &source.subjects, BACKLOG_HEADERS_MAX).await
    };
    let headers = read.await.map_err(|err| inspect_error(&source.durable, err))?;
    let mut orders = headers.iter().map(|header| header.records).sum();
    if headers.len() == BACKLOG_HEADERS_MAX {
        let messages = position.messages_waiting + position.messages_held;
        orders = orders * messages / headers.len() as u64;
    }
    Ok(Lag { orders, oldest_at_ms: headers.first().map(|header| header.stored_at) })
}

/// The state of the stream `name`.
pub async fn stream_state(
    connection: &Connection,
    name: &str,
) -> Result<StreamState, InspectError> {
    let state = find_stream_state(connection, name).await?;
    state.ok_or_else(|| inspect_error(name, "the stream does not exist"))
}

/// The state of the stream `name`; `None` if it does not exist.
pub async fn find_stream_state(
    connection: &Connection,
    name: &str,
) -> Result<Option<StreamState>, InspectError> {
    let info = find_stream(connection, name).await.map_err(|err| inspect_error(name, err))?;
    Ok(info.map(|info| StreamState::from(&info)))
}

/// A stream's settings and state; `None` if a broker says that it does not exist.
pub(crate) async fn find_stream(
    connection: &Connection,
    name: &str,
) -> Result<Option<stream::Info>, async_nats::Error> {
    match connection.jetstream.get_stream(name).await {
        Ok(stream) => Ok(Some(stream.cached_info().clone())),
        Err(err) => match err.kind() {
            GetStreamErrorKind::JetStream(reply)
                if reply.error_code() == ErrorCode::STREAM_NOT_FOUND =>
            {
                Ok(None)
            }
            _ => Err(err.into()),
        },
    }
}

/// Whether a broker says that the consumer or its stream does not exist.
const fn is_missing(kind: &ConsumerInfoErrorKind) -> bool {
    matches!(kind, ConsumerInfoErrorKind::NotFound | ConsumerInfoErrorKind::StreamNotFound)
}

impl From<&stream::Info> for StreamState {
    fn from(info: &stream::Info) -> Self {
        let followers = info.cluster.iter().flat_map(|cluster| &cluster.replicas);
        Self {
            messages: info.state.messages,
            bytes: info.state.bytes,
            bytes_max: u64::try_from(info.config.max_bytes).ok(),
            first_sequence: info.state.first_sequence,
            last_sequence: info.state.last_sequence,
            leader: info.cluster.as_ref().and_then(|cluster| cluster.leader.clone()),
            followers: followers.map(|peer| (peer.name.clone(), peer.current)).collect(),
        }
    }
}

/// The mean number of orders per message, for each kind of event among the last 500 messages.
pub async fn batch_sizes(
    connection: &Connection,
) -> Result<BTreeMap<EventKind, f64>, InspectError> {
    let state = find_stream_state(connection, subjects::ORDERS).await?;
    let Some(state) = state.filter(|state| state.messages > 0) else {
        return Ok(BTreeMap::new());
    };
    let read = async {
        let stream = connection.jetstream.get_stream_no_info(subjects::ORDERS).await?;
        let from =
            (state.last_sequence + 1).saturating_sub(BATCH_SIZE_SAMPLE).max(state.first_sequence);
        let from = from_sequence(from);
        message_headers::read(&stream, from, &[], BATCH_SIZE_SAMPLE as usize).await
    };
    let mut sums: BTreeMap<EventKind, (u64, u64)> = BTreeMap::new();
    for header in read.await.map_err(|err| inspect_error(subjects::ORDERS, err))? {
        if let Some(kind) = subjects::event_kind(&header.subject) {
            let (messages, records) = sums.entry(kind).or_default();
            *messages += 1;
            *records += header.records;
        }
    }
    let mean = |(kind, (messages, records))| (kind, records as f64 / messages as f64);
    Ok(sums.into_iter().map(mean).collect())
}

/// The workers of `pools` that reply within 300 ms.
pub async fn worker_presence(
    connection: &Connection,
    pools: &[Pool],
) -> Result<WorkerPresence, InspectError> {
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
    let subscribed = async {
        let inbox = client.new_inbox();
        let replies = client.subscribe(inbox.clone()).await?;
        client.publish_with_reply("$SRV.STATS", inbox, "".into()).await?;
        Ok::<_, async_nats::Error>(replies)
    };
    let mut replies = subscribed.await.map_err(|err| inspect_error("the workers", err))?;
    let workers = pools.iter().map(|pool| (pool.as_str(), 0)).collect();
    let mut presence = WorkerPresence { workers, breakers: BTreeMap::new() };
    let collect = async {
        while let Some(reply) = replies.next().await {
            let Ok(Stats { name, endpoints }) = serde_json::from_slice(&reply.payload) else {
                continue;
            };
            for pool in pools.iter().filter(|pool| service_name(**pool) == name) {
                *presence.workers.entry(pool.as_str()).or_default() += 1;
            }
            let state = endpoints.into_iter().find_map(|endpoint| endpoint.data);
            if let Some(breaker) = state.and_then(|state| state.breaker) {
                *presence.breakers.entry(breaker).or_default() += 1;
            }
        }
    };
    // The number of workers is unknown, so the replies are collected until the timeout.
    timeout(WORKER_PRESENCE_TIMEOUT, collect).await.ok();
    Ok(presence)
}

fn from_sequence(start_sequence: u64) -> DeliverPolicy {
    DeliverPolicy::ByStartSequence { start_sequence: start_sequence.max(1) }
}

pub(crate) fn inspect_error(name: &str, source: impl Into<async_nats::Error>) -> InspectError {
    InspectError { name: name.to_owned(), source: source.into() }
}
