//! A stream, read from a place on by somebody who only looks.

use async_nats::jetstream::consumer::{DeliverPolicy, pull};
use async_nats::jetstream::stream::DirectGetErrorKind;
use bytes::Bytes;
use futures_util::StreamExt;
use orders::{EventKind, Timestamp};
use thiserror::Error;

use crate::{Connection, batch, names};

/// Reads batches one after the other, in the stream's order.
pub struct Replay {
    messages: pull::Ordered,
}

/// One message of the stream.
pub struct Replayed {
    /// Its sequence number.
    pub sequence: u64,
    /// When it was stored.
    pub stored_at: Timestamp,
    /// The kind of its events, in the stream of orders.
    pub kind: Option<EventKind>,
    /// Where it was published.
    pub subject: String,
    /// Its records: one JSON object each.
    pub lines: Vec<Bytes>,
    /// Whether it was the stream's last message when it was sent.
    pub is_last: bool,
}

/// A stream could not be read on.
#[derive(Debug, Error)]
#[error("the stream cannot be read")]
pub struct ReplayError(#[source] async_nats::Error);

impl Replay {
    /// Reads what is in `stream`, from its first message on, and what comes after.
    pub async fn from_start(connection: &Connection, stream: &str) -> Result<Self, ReplayError> {
        Self::open(connection, stream, DeliverPolicy::All).await
    }

    /// Reads what comes into `stream` from now on.
    pub async fn from_now(connection: &Connection, stream: &str) -> Result<Self, ReplayError> {
        Self::open(connection, stream, DeliverPolicy::New).await
    }

    async fn open(
        connection: &Connection,
        stream: &str,
        deliver_policy: DeliverPolicy,
    ) -> Result<Self, ReplayError> {
        let stream = connection.jetstream.get_stream_no_info(stream).await.map_err(broken)?;
        let config = pull::OrderedConfig { deliver_policy, ..pull::OrderedConfig::default() };
        let consumer = stream.create_consumer(config).await.map_err(broken)?;
        Ok(Self { messages: consumer.messages().await.map_err(broken)? })
    }

    /// The next message; waits where the end is reached.
    pub async fn next(&mut self) -> Result<Replayed, ReplayError> {
        let message = match self.messages.next().await {
            Some(message) => message.map_err(broken)?,
            None => return Err(ReplayError("the stream is gone".into())),
        };
        let info = message.info().map_err(ReplayError)?;
        let stored_at = (info.published.unix_timestamp_nanos() / 1_000_000) as i64;
        Ok(Replayed {
            sequence: info.stream_sequence,
            stored_at: Timestamp::from_millis(stored_at),
            kind: names::event_kind(&message.subject),
            subject: message.subject.to_string(),
            is_last: info.pending == 0,
            lines: batch::lines(&message.payload).collect(),
        })
    }
}

/// The records of one message of the stream of orders; `None` where it is no longer there.
pub async fn at_sequence(
    connection: &Connection,
    sequence: u64,
) -> Result<Option<Vec<Bytes>>, ReplayError> {
    let stream = connection.jetstream.get_stream_no_info(names::ORDERS).await.map_err(broken)?;
    match stream.direct_get(sequence).await {
        Ok(message) => Ok(Some(batch::lines(&message.payload).collect())),
        Err(err) if err.kind() == DirectGetErrorKind::NotFound => Ok(None),
        Err(err) => Err(broken(err)),
    }
}

fn broken(err: impl Into<async_nats::Error>) -> ReplayError {
    ReplayError(err.into())
}
