//! A message that a worker holds: its records, and the word about it that the broker waits for.

use async_nats::jetstream::message::Acker;
use async_nats::jetstream::{AckKind, Message};
use bytes::Bytes;
use orders::Timestamp;

use crate::outgoing::content_id;
use crate::{Connection, Sabotage, batch, names, retry};

/// A message from the broker. Unless it is settled, it is delivered again after `ack_wait`.
pub struct Delivery {
    /// What it holds.
    pub records: Vec<Record>,
    /// How often it was delivered, this time included.
    pub delivered: u64,
    acker: Acker,
    connection: Connection,
}

/// One record: an event on its way to a step, and what has been tried with it so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// One JSON object: an [`orders::Event`].
    pub line: Bytes,
    /// The tries so far.
    pub history: DeliveryHistory,
}

/// Where a record comes from and what has been tried with it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct DeliveryHistory {
    /// The message that first held it.
    pub origin: Origin,
    /// When that message was stored.
    #[serde(rename = "first_at_ms")]
    pub first_at: Timestamp,
    /// How often a step failed because of this record, since it came or was last replayed.
    #[serde(rename = "tries")]
    pub attempts: u32,
    /// How often somebody brought it back from the dead letters.
    #[serde(default)]
    pub replays: u32,
}

/// A message in a stream.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Origin {
    /// The stream's name.
    pub stream: String,
    /// The message's sequence number in it.
    pub sequence: u64,
}

impl DeliveryHistory {
    /// A number that grows with each try, replayed or not: no two tries have the same.
    pub const fn attempt(&self) -> u32 {
        self.replays.saturating_mul(retry::ATTEMPTS_MAX).saturating_add(self.attempts)
    }
}

impl Record {
    /// What tells it from every other record: where it comes from, and its content.
    pub fn name(&self) -> String {
        let Origin { stream, sequence } = &self.history.origin;
        format!("{stream}.{sequence}.{}", content_id(&self.line))
    }
}

impl Delivery {
    pub(crate) fn open(
        message: Message,
        connection: &Connection,
    ) -> Result<Self, async_nats::Error> {
        let info = message.info()?;
        let first_at = info.published.unix_timestamp_nanos() / 1_000_000;
        let history = DeliveryHistory {
            origin: Origin { stream: info.stream.to_owned(), sequence: info.stream_sequence },
            first_at: Timestamp::from_millis(first_at as i64),
            attempts: 0,
            replays: 0,
        };
        let delivered = u64::try_from(info.delivered).unwrap_or(1);
        let records = if info.stream == names::RETRIES {
            vec![retry::parse_due(&message.payload, history)]
        } else {
            batch::lines(&message.payload)
                .map(|line| Record { line, history: history.clone() })
                .collect()
        };
        let (_, acker) = message.split();
        Ok(Self { records, delivered, acker, connection: connection.clone() })
    }

    /// Tells the broker that every record is done with: all that came of it is stored. An ack that
    /// gets lost means another delivery, which finds the work done.
    pub async fn ack(self) {
        self.say(AckKind::Ack).await;
    }

    /// What no worker may do: see [`Sabotage::AckBeforeCommit`].
    pub async fn ack_too_early(&self) {
        if Sabotage::AckBeforeCommit.is_on() {
            self.acker.double_ack().await.ok();
        }
    }

    /// Gives the message back, to be delivered again at once.
    pub async fn nak(self) {
        self.say(AckKind::Nak(None)).await;
    }

    /// Tells the broker that the work goes on, so that `ack_wait` starts anew. While no broker is there
    /// it would only fill the client's queue, again and again.
    pub async fn progress(&self) {
        if self.connection.is_connected() {
            self.say(AckKind::Progress).await;
        }
    }

    async fn say(&self, kind: AckKind) {
        if let Err(err) = self.acker.ack_with(kind).await {
            tracing::warn!(%err, "the broker was not told about a message; it will come again");
        }
    }
}
