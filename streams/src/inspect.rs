//! The state of the cluster: its streams, durables, brokers and workers.

use std::collections::BTreeMap;

use async_nats::jetstream::consumer::{self, DeliverPolicy};
use async_nats::jetstream::context::{ConsumerInfoErrorKind, GetStreamErrorKind};
use async_nats::jetstream::{ErrorCode, stream};
use futures_util::future::try_join_all;
use orders::{EventKind, Timestamp};
use serde::Serialize;

use crate::inspect_error::{InspectError, inspect_error};
use crate::lanes::lanes;
use crate::limits::{BACKLOG_HEADERS_MAX, BATCH_SIZE_SAMPLE};
use crate::message_headers::{self, Header};
use crate::{Connection, Durable, Lane, Source, Step, subjects};

/// The progress of a durable consumer, or of all durable consumers of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct ConsumerProgress {
    /// Messages that have not been delivered to any worker.
    pub messages_waiting: u64,
    /// Messages that are delivered and not yet acked.
    pub messages_held: u64,
    /// Messages that were delivered more than once and are not yet acked.
    pub messages_redelivered: u64,
}

/// The progress of one durable consumer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DurableProgress {
    pub(crate) messages: ConsumerProgress,
    /// The sequence number up to which every message is acked.
    pub(crate) ack_floor: u64,
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

impl StreamState {
    /// How full it is, in per cent of its own limit; `None` without one.
    pub fn fill_percent(&self) -> Option<u64> {
        self.bytes_max.map(|max| self.bytes.saturating_mul(100) / max.max(1))
    }
}

impl ConsumerProgress {
    /// Whether every message is delivered and acked.
    pub const fn is_at_end(&self) -> bool {
        self.unfinished() == 0
    }

    /// Messages that are not acked.
    pub(crate) const fn unfinished(&self) -> u64 {
        self.messages_waiting + self.messages_held
    }

    const fn add(&mut self, other: Self) {
        self.messages_waiting += other.messages_waiting;
        self.messages_held += other.messages_held;
        self.messages_redelivered += other.messages_redelivered;
    }
}

/// The progress of the durable consumers of `source`.
pub async fn consumer_progress(
    connection: &Connection,
    source: &Source,
) -> Result<ConsumerProgress, InspectError> {
    let progress = find_progress(connection, source).await?;
    progress.ok_or_else(|| inspect_error(&source.durable, "the consumer does not exist"))
}

/// The progress of the durable consumers of `source`; `None` if one of them, or its stream, does not
/// exist.
pub async fn find_progress(
    connection: &Connection,
    source: &Source,
) -> Result<Option<ConsumerProgress>, InspectError> {
    let durables = durables(connection, source).await?;
    let progress = durables.iter().map(|durable| find_durable_progress(connection, durable));
    let Some(progress) = try_join_all(progress).await?.into_iter().collect::<Option<Vec<_>>>()
    else {
        return Ok(None);
    };
    let mut sum = ConsumerProgress::default();
    for durable in &progress {
        sum.add(durable.messages);
    }
    Ok((!progress.is_empty()).then_some(sum))
}

/// The progress of the durable consumer of `source` in one lane; `None` if it does not exist.
pub async fn find_lane_progress(
    connection: &Connection,
    source: &Source,
    lane: Lane,
) -> Result<Option<ConsumerProgress>, InspectError> {
    let Some(durable) = source.in_lane(lane) else { return Ok(None) };
    Ok(find_durable_progress(connection, &durable).await?.map(|progress| progress.messages))
}

/// The sequence number in one lane up to which all messages of `source` are acked; `None` without a consumer.
pub async fn find_ack_floor(
    connection: &Connection,
    source: &Source,
    lane: Lane,
) -> Result<Option<u64>, InspectError> {
    let Some(durable) = source.in_lane(lane) else { return Ok(None) };
    Ok(find_durable_progress(connection, &durable).await?.map(|progress| progress.ack_floor))
}

/// The durable consumers of `source` that may exist: of events, one in every lane.
pub async fn durables(
    connection: &Connection,
    source: &Source,
) -> Result<Vec<Durable>, InspectError> {
    let lanes = if source.is_in_lanes() { lanes(connection).await? } else { Vec::new() };
    Ok(source.durables(&lanes))
}

/// The progress of `step` in `lane`; `None` if it does not read the lane, or only observes and has never run.
/// If the consumer of any other step is missing, it is not known what that has processed.
pub(crate) async fn step_progress(
    connection: &Connection,
    step: &Step,
    lane: Lane,
) -> Result<Option<DurableProgress>, InspectError> {
    let Some(durable) = step.events().in_lane(lane) else { return Ok(None) };
    match find_durable_progress(connection, &durable).await? {
        None if !step.is_observer() => {
            Err(inspect_error(&durable.to_string(), "the consumer is missing"))
        }
        progress => Ok(progress),
    }
}

/// The progress of one durable consumer; `None` if it or its stream does not exist.
pub(crate) async fn find_durable_progress(
    connection: &Connection,
    durable: &Durable,
) -> Result<Option<DurableProgress>, InspectError> {
    let found = find_durable(connection, durable).await;
    let info = found.map_err(|err| inspect_error(&durable.to_string(), err))?;
    Ok(info.map(|info| DurableProgress {
        messages: ConsumerProgress {
            messages_waiting: info.num_pending,
            messages_held: info.num_ack_pending as u64,
            messages_redelivered: info.num_redelivered as u64,
        },
        ack_floor: info.ack_floor.stream_sequence,
    }))
}

/// A durable consumer's settings and state; `None` if it or its stream does not exist.
pub(crate) async fn find_durable(
    connection: &Connection,
    durable: &Durable,
) -> Result<Option<consumer::Info>, async_nats::Error> {
    let stream = connection.jetstream.get_stream_no_info(durable.stream).await?;
    match stream.consumer_info(&durable.name).await {
        Ok(info) => Ok(Some(info)),
        Err(err) if is_missing(&err.kind()) => Ok(None),
        Err(err) => Err(err.into()),
    }
}

/// The backlog of the durable consumers of `source`.
pub async fn lag(connection: &Connection, source: &Source) -> Result<Lag, InspectError> {
    let durables = durables(connection, source).await?;
    let lags = durables.iter().map(|durable| durable_lag(connection, durable, BACKLOG_HEADERS_MAX));
    let (mut orders, mut oldest_at_ms) = (0, None);
    for lag in try_join_all(lags).await? {
        orders += lag.orders;
        oldest_at_ms = [oldest_at_ms, lag.oldest_at_ms].into_iter().flatten().min();
    }
    Ok(Lag { orders, oldest_at_ms })
}

/// The backlog of one durable, estimated beyond `headers_max` messages.
pub(crate) async fn durable_lag(
    connection: &Connection,
    durable: &Durable,
    headers_max: usize,
) -> Result<Lag, InspectError> {
    let position = match find_durable_progress(connection, durable).await? {
        Some(position) if !position.messages.is_at_end() => position,
        _ => return Ok(Lag::default()),
    };
    let read = async {
        let stream = connection.jetstream.get_stream_no_info(durable.stream).await?;
        let from = from_sequence(position.ack_floor + 1);
        message_headers::read(&stream, from, &durable.subjects, headers_max).await
    };
    let headers = read.await.map_err(|err| inspect_error(&durable.to_string(), err))?;
    let mut orders = headers.iter().map(|header| header.records).sum();
    if headers.len() == headers_max {
        orders = orders * position.messages.unfinished() / headers.len() as u64;
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

/// The mean number of orders per message, for each kind of event among the last 500 messages of each
/// lane.
pub async fn batch_sizes(
    connection: &Connection,
) -> Result<BTreeMap<EventKind, f64>, InspectError> {
    let lanes = lanes(connection).await?;
    let samples = try_join_all(lanes.iter().map(|lane| last_headers(connection, *lane))).await?;
    let mut sums: BTreeMap<EventKind, (u64, u64)> = BTreeMap::new();
    for header in samples.into_iter().flatten() {
        if let Some(kind) = subjects::event_kind(&header.subject) {
            let (messages, records) = sums.entry(kind).or_default();
            *messages += 1;
            *records += header.records;
        }
    }
    let mean = |(kind, (messages, records))| (kind, records as f64 / messages as f64);
    Ok(sums.into_iter().map(mean).collect())
}

/// The headers of the last messages of a lane.
async fn last_headers(connection: &Connection, lane: Lane) -> Result<Vec<Header>, InspectError> {
    let state = find_stream_state(connection, lane.stream()).await?;
    let Some(state) = state.filter(|state| state.messages > 0) else { return Ok(Vec::new()) };
    let from =
        (state.last_sequence + 1).saturating_sub(BATCH_SIZE_SAMPLE).max(state.first_sequence);
    let read = async {
        let stream = connection.jetstream.get_stream_no_info(lane.stream()).await?;
        message_headers::read(&stream, from_sequence(from), &[], BATCH_SIZE_SAMPLE as usize).await
    };
    read.await.map_err(|err| inspect_error(lane.stream(), err))
}

fn from_sequence(start_sequence: u64) -> DeliverPolicy {
    DeliverPolicy::ByStartSequence { start_sequence: start_sequence.max(1) }
}
