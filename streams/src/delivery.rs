//! A message that was delivered to a worker: its records and its acknowledgement.

use std::time::Duration;

use async_nats::Subject;
use async_nats::jetstream::{AckKind, Message};
use orders::Timestamp;

use crate::record::{Answer, DeliveryHistory, Origin, Record};
use crate::routes::Routes;
use crate::subjects::{ANSWER_ALWAYS, ANSWER_HEADER};
use crate::{batch, retry, subjects};

/// A message from the broker. Unless it is acked, the broker redelivers it after `ack_wait`.
pub struct Delivery {
    /// The records of the message.
    pub records: Vec<Record>,
    /// The number of deliveries of this message, this one included.
    pub delivered: u64,
    /// Where acks are sent to: any broker takes them.
    ack_subject: Subject,
    routes: Routes,
    /// The index of the route over which the message came.
    route: usize,
}

impl Delivery {
    pub(crate) fn open(
        message: &Message,
        routes: &Routes,
        route: usize,
    ) -> Result<Self, async_nats::Error> {
        let info = message.info()?;
        let first_at = info.published.unix_timestamp_nanos() / 1_000_000;
        let origin = Origin { stream: info.stream.to_owned(), sequence: info.stream_sequence };
        let first_at = Timestamp::from_millis(first_at as i64);
        let answer = answer(message);
        let history = DeliveryHistory { answer, ..DeliveryHistory::new(origin, first_at) };
        let delivered = u64::try_from(info.delivered).unwrap_or(1);
        let records = if info.stream == subjects::RETRIES {
            vec![retry::parse_due(&message.payload, history)]
        } else {
            batch::lines(&message.payload)
                .map(|line| Record { line, history: history.clone(), stored_at: history.first_at })
                .collect()
        };
        let ack_subject = message.reply.clone().ok_or("a message without a subject for its ack")?;
        Ok(Self { records, delivered, ack_subject, routes: routes.clone(), route })
    }

    /// Acks the message: every record is processed and all outcomes are stored. If the ack is lost,
    /// the message is redelivered and its work is found to be complete.
    pub async fn ack(self) {
        self.send_ack(AckKind::Ack).await;
    }

    /// Acks before anything is processed, for the failpoint `ack_before_commit`.
    #[cfg(feature = "failpoints")]
    pub(crate) async fn ack_early(&self) {
        let connection = &self.routes.get(self.route).connection;
        let (subject, ack) = (self.ack_subject.clone(), AckKind::Ack.into());
        connection.client.request(subject, ack).await.ok();
    }

    /// Naks the message: the broker redelivers it immediately.
    pub async fn nak(self) {
        self.send_ack(AckKind::Nak(None)).await;
    }

    /// Naks the message: the broker redelivers it after `delay`.
    pub async fn nak_for(self, delay: Duration) {
        self.send_ack(AckKind::Nak(Some(delay))).await;
    }

    /// Sends a progress ack, which restarts `ack_wait`.
    pub async fn progress(&self) {
        self.send_ack(AckKind::Progress).await;
    }

    /// Sends an ack over any connection whose broker answers, and waits for none that hangs. Over one that
    /// is down it would only fill the client's send queue.
    async fn send_ack(&self, kind: AckKind) {
        if !self.routes.send(self.route, &self.ack_subject, kind.into()).await {
            tracing::debug!("no broker takes an ack, the message will be redelivered");
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
