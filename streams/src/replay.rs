//! Reads a stream from a given position, without consuming it; [`LanesReplay`] reads all lanes.

mod lanes_replay;

use std::time::SystemTime;

use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::{DeliverPolicy, pull};
use async_nats::jetstream::stream::{DirectGetErrorKind, RawMessageErrorKind};
use bytes::Bytes;
use futures_util::StreamExt;
use orders::{EventKind, Timestamp};
use thiserror::Error;
use time::OffsetDateTime;
use tokio::time::timeout;

use crate::inspect::stream_state;
use crate::inspect_error::InspectError;
use crate::limits::{REPLAY_CONSUMERS_MAX, REPLAY_SILENCE_MAX};
use crate::reader_name::reader_name;
use crate::{Connection, Origin, batch, message_headers, subjects};
pub use lanes_replay::{LaneEnds, LanesReplay, has_processed, lane_ends};

/// Reads the messages of a stream one by one, in order.
pub struct Replay {
    connection: Connection,
    stream: String,
    /// The sequence number up to which all messages were read.
    position: u64,
    /// Whether the consumer knew of no further message when it sent the last one.
    is_at_end: bool,
    messages: pull::Ordered,
}

/// One message of the stream.
pub struct Replayed {
    /// The stream, and its sequence number there.
    pub origin: Origin,
    /// The time at which the broker stored it.
    pub stored_at: Timestamp,
    /// The kind of its events; `None` outside the lanes.
    pub kind: Option<EventKind>,
    /// The subject it was published to.
    pub subject: String,
    /// Its records, one JSON object each.
    pub lines: Vec<Bytes>,
}

/// Reading a stream failed.
#[derive(Debug, Error)]
pub enum ReplayError {
    /// A broker refused a request, or did not reply.
    #[error("cannot read the stream")]
    Read(#[source] async_nats::Error),
    /// The state of the stream could not be read.
    #[error(transparent)]
    Inspect(#[from] InspectError),
    /// No broker sends messages that the stream has.
    #[error(
        "the brokers send nothing of {stream} after message {position}, although there is more; \
         `status` shows whether one of them is behind"
    )]
    Silent {
        /// The stream.
        stream: String,
        /// The last message that was read.
        position: u64,
    },
}

impl Replay {
    /// Reads all of `stream` from its first message, and follows it.
    pub async fn from_start(connection: &Connection, stream: &str) -> Result<Self, ReplayError> {
        Self::after(connection, stream, 0).await
    }

    /// Follows `stream`, beginning with the next message that is stored.
    pub async fn from_now(connection: &Connection, stream: &str) -> Result<Self, ReplayError> {
        let end = stream_state(connection, stream).await?.last_sequence;
        Self::after(connection, stream, end).await
    }

    /// Reads `stream` from the message after the sequence number `position` on, and follows it.
    pub async fn after(
        connection: &Connection,
        stream: &str,
        position: u64,
    ) -> Result<Self, ReplayError> {
        let messages = consume_after(connection, stream, position).await?;
        let (connection, stream) = (connection.clone(), stream.to_owned());
        Ok(Self { connection, stream, position, is_at_end: false, messages })
    }

    /// The next message; at the end of the stream, waits for one.
    pub async fn next(&mut self) -> Result<Replayed, ReplayError> {
        loop {
            if let Some(message) = self.receive().await? {
                return Ok(message);
            }
        }
    }

    /// The next message up to the sequence number `end`, which the stream had before; `None` if there
    /// is none any more.
    pub async fn next_until(&mut self, end: u64) -> Result<Option<Replayed>, ReplayError> {
        while self.position < end {
            if self.is_at_end && self.next_stored().await?.is_none_or(|next| next > end) {
                return Ok(None);
            }
            if let Some(message) = self.receive().await? {
                return Ok(Some(message).filter(|message| message.origin.sequence <= end));
            }
        }
        Ok(None)
    }

    /// The next message; `None` if none came for a while because there is none.
    async fn receive(&mut self) -> Result<Option<Replayed>, ReplayError> {
        for _ in 0..REPLAY_CONSUMERS_MAX {
            match timeout(REPLAY_SILENCE_MAX, self.messages.next()).await {
                Ok(Some(message)) => {
                    return self.read(&message.map_err(read_error)?).map(Some);
                }
                Ok(None) => return Err(ReplayError::Read("the consumer was closed".into())),
                Err(_) if self.has_more().await? => {}
                Err(_) => return Ok(None),
            }
        }
        Err(ReplayError::Silent { stream: self.stream.clone(), position: self.position })
    }

    /// Whether the stream has messages that were not read. If so, another consumer reads on: a
    /// consumer lives on one broker, whose copy of the stream may be broken.
    async fn has_more(&mut self) -> Result<bool, ReplayError> {
        let end = stream_state(&self.connection, &self.stream).await?.last_sequence;
        if end <= self.position {
            return Ok(false);
        }
        let has_more = self.next_stored().await?.is_some();
        if !has_more {
            // What there was has been removed.
            self.position = end;
        }
        self.messages = consume_after(&self.connection, &self.stream, self.position).await?;
        Ok(has_more)
    }

    /// The sequence number of the next message, by the broker that leads the stream. The consumer may
    /// know less: its broker's copy of the stream may lag, as after a restart.
    async fn next_stored(&self) -> Result<Option<u64>, ReplayError> {
        let stream = self.connection.jetstream.get_stream_no_info(&self.stream).await;
        let stream = stream.map_err(read_error)?;
        match stream.get_first_raw_message_by_subject(">", self.position + 1).await {
            Ok(message) => Ok(Some(message.sequence)),
            Err(err) if err.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
            Err(err) => Err(read_error(err)),
        }
    }

    fn read(&mut self, message: &Message) -> Result<Replayed, ReplayError> {
        let info = message.info().map_err(ReplayError::Read)?;
        let stored_at = (info.published.unix_timestamp_nanos() / 1_000_000) as i64;
        self.position = info.stream_sequence;
        self.is_at_end = info.pending == 0;
        Ok(Replayed {
            origin: Origin { stream: self.stream.clone(), sequence: info.stream_sequence },
            stored_at: Timestamp::from_millis(stored_at),
            kind: subjects::event_kind(&message.subject),
            subject: message.subject.to_string(),
            lines: batch::lines(&message.payload).collect(),
        })
    }
}

/// The messages of `stream` after a sequence number.
async fn consume_after(
    connection: &Connection,
    stream: &str,
    position: u64,
) -> Result<pull::Ordered, ReplayError> {
    let stream = connection.jetstream.get_stream_no_info(stream).await.map_err(read_error)?;
    let deliver_policy = DeliverPolicy::ByStartSequence { start_sequence: position + 1 };
    let name = Some(reader_name());
    let config = pull::OrderedConfig { name, deliver_policy, ..pull::OrderedConfig::default() };
    let consumer = stream.create_consumer(config).await.map_err(read_error)?;
    consumer.messages().await.map_err(read_error)
}

/// The sequence number of the first message of `stream` that was stored at `time` or later; `None` if there is none.
pub async fn first_since(
    connection: &Connection,
    stream: &str,
    time: Timestamp,
) -> Result<Option<u64>, ReplayError> {
    let start_time = OffsetDateTime::from(SystemTime::from(time));
    let opened = connection.jetstream.get_stream(stream).await.map_err(read_error)?;
    // A reader would wait for a later one.
    if opened.cached_info().state.last_timestamp < start_time {
        return Ok(None);
    }
    let stream = connection.jetstream.get_stream_no_info(stream).await.map_err(read_error)?;
    let from = DeliverPolicy::ByStartTime { start_time };
    let headers = message_headers::read(&stream, from, &[], 1).await.map_err(read_error)?;
    Ok(headers.first().map(|header| header.sequence))
}

/// The records of one message of a lane; `None` if the message has been purged.
pub async fn records_at(
    connection: &Connection,
    origin: &Origin,
) -> Result<Option<Vec<Bytes>>, ReplayError> {
    let Origin { stream, sequence } = origin;
    let stream = connection.jetstream.get_stream_no_info(stream).await.map_err(read_error)?;
    match stream.direct_get(*sequence).await {
        Ok(message) => Ok(Some(batch::lines(&message.payload).collect())),
        Err(err) if err.kind() == DirectGetErrorKind::NotFound => Ok(None),
        Err(err) => Err(read_error(err)),
    }
}

fn read_error(err: impl Into<async_nats::Error>) -> ReplayError {
    ReplayError::Read(err.into())
}
