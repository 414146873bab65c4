//! Reads a stream from a given position, without consuming it.

use async_nats::jetstream::consumer::{DeliverPolicy, pull};
use async_nats::jetstream::stream::DirectGetErrorKind;
use bytes::Bytes;
use futures_util::StreamExt;
use orders::{EventKind, Timestamp};
use thiserror::Error;

use crate::{Connection, batch, subjects};

/// Reads the messages of a stream one by one, in order.
pub struct Replay {
    messages: pull::Ordered,
}

/// One message of the stream.
pub struct Replayed {
    /// Its sequence number in the stream.
    pub sequence: u64,
    /// The time at which the broker stored it.
    pub stored_at: Timestamp,
    /// The kind of its events; `None` outside the stream of orders.
    pub kind: Option<EventKind>,
    /// The subject it was published to.
    pub subject: String,
    /// Its records, one JSON object each.
    pub lines: Vec<Bytes>,
    /// Whether it was the last message of the stream when the broker sent it.
    pub is_last: bool,
}

/// Reading a stream failed.
#[derive(Debug, Error)]
#[error("cannot read the stream")]
pub struct ReplayError(#[source] async_nats::Error);

impl Replay {
    /// Reads all of `stream` from its first message, and follows it.
    pub async fn from_start(connection: &Connection, stream: &str) -> Result<Self, ReplayError> {
        Self::open(connection, stream, DeliverPolicy::All).await
    }

    /// Follows `stream`, beginning with the next message that is stored.
    pub async fn from_now(connection: &Connection, stream: &str) -> Result<Self, ReplayError> {
        Self::open(connection, stream, DeliverPolicy::New).await
    }

    async fn open(
        connection: &Connection,
        stream: &str,
        deliver_policy: DeliverPolicy,
    ) -> Result<Self, ReplayError> {
        let stream = connection.jetstream.get_stream_no_info(stream).await.map_err(read_error)?;
        let config = pull::OrderedConfig { deliver_policy, ..pull::OrderedConfig::default() };
        let consumer = stream.create_consumer(config).await.map_err(read_error)?;
        Ok(Self { messages: consumer.messages().await.map_err(read_error)? })
    }

    /// The next message; at the end of the stream, waits for one.
    pub async fn next(&mut self) -> Result<Replayed, ReplayError> {
        let message = match self.messages.next().await {
            Some(message) => message.map_err(read_error)?,
            None => return Err(ReplayError("the consumer was closed".into())),
        };
        let info = message.info().map_err(ReplayError)?;
        let stored_at = (info.published.unix_timestamp_nanos() / 1_000_000) as i64;
        Ok(Replayed {
            sequence: info.stream_sequence,
            stored_at: Timestamp::from_millis(stored_at),
            kind: subjects::event_kind(&message.subject),
            subject: message.subject.to_string(),
            is_last: info.pending == 0,
            lines: batch::lines(&message.payload).collect(),
        })
    }
}

/// The records of one message of the stream of orders; `None` if the message has been purged.
pub async fn records_at(
    connection: &Connection,
    sequence: u64,
) -> Result<Option<Vec<Bytes>>, ReplayError> {
    let stream =
        connection.jetstream.get_stream_no_info(subjects::ORDERS).await.map_err(read_error)?;
    match stream.direct_get(sequence).await {
        Ok(message) => Ok(Some(batch::lines(&message.payload).collect())),
        Err(err) if err.kind() == DirectGetErrorKind::NotFound => Ok(None),
        Err(err) => Err(read_error(err)),
    }
}

fn read_error(err: impl Into<async_nats::Error>) -> ReplayError {
    ReplayError(err.into())
}
