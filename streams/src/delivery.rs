//! A message that was delivered to a worker: its records and its acknowledgement.

use std::time::Duration;

use async_nats::jetstream::message::Acker;
use async_nats::jetstream::{AckKind, Message};
use orders::Timestamp;

use crate::record::{Answer, DeliveryHistory, Origin, Record};
use crate::subjects::{ANSWER_ALWAYS, ANSWER_HEADER};
use crate::{Connection, batch, retry, subjects};

/// A message from the broker. Unless it is acked, the broker redelivers it after `ack_wait`.
pub struct Delivery {
    /// The records of the message.
    pub records: Vec<Record>,
    /// The number of deliveries of this message, this one included.
    pub delivered: u64,
    acker: Acker,
    connection: Connection,
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
            answer: answer(&message),
        };
        let delivered = u64::try_from(info.delivered).unwrap_or(1);
        let records = if info.stream == subjects::RETRIES {
            vec![retry::parse_due(&message.payload, history)]
        } else {
            batch::lines(&message.payload)
                .map(|line| Record { line, history: history.clone(), stored_at: history.first_at })
                .collect()
        };
        let (_, acker) = message.split();
        Ok(Self { records, delivered, acker, connection: connection.clone() })
    }

    /// Acks the message: every record is processed and all outcomes are stored. If the ack is lost,
    /// the message is redelivered and its work is found to be complete.
    pub async fn ack(self) {
        self.send_ack(AckKind::Ack).await;
    }

    /// Acks before anything is processed, for the failpoint `ack_before_commit`.
    #[cfg(feature = "failpoints")]
    pub(crate) async fn ack_early(&self) {
        self.acker.double_ack().await.ok();
    }

    /// Naks the message: the broker redelivers it immediately.
    pub async fn nak(self) {
        self.send_ack(AckKind::Nak(None)).await;
    }

    /// Naks the message: the broker redelivers it after `delay`.
    pub async fn nak_for(self, delay: Duration) {
        self.send_ack(AckKind::Nak(Some(delay))).await;
    }

    /// Sends a progress ack, which restarts `ack_wait`. Skipped while disconnected, because it
    /// would only fill the client's send queue, over and over.
    pub async fn progress(&self) {
        if self.connection.is_connected() {
            self.send_ack(AckKind::Progress).await;
        }
    }

    async fn send_ack(&self, kind: AckKind) {
        if let Err(err) = self.acker.ack_with(kind).await {
            tracing::warn!(%err, "ack failed, message will be redelivered");
        }
    }
}

fn answer(message: &Message) -> Answer {
    let header = message.headers.as_ref().and_then(|headers| headers.get(ANSWER_HEADER));
    match header {
        Some(value) if value.as_str() == ANSWER_ALWAYS => Answer::Always,
        _ => Answer::Once,
    }
}
