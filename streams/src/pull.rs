//! Pulling messages from a durable consumer that a whole pool shares. Nothing is asked for in advance:
//! what nobody works on waits at the broker, for whoever is free first.

mod asked;

use std::mem::take;

use async_nats::Error;
use async_nats::jetstream::Message;
use thiserror::Error;
use tokio::time::{Instant, timeout_at};

use crate::{Connection, Delivery, Source, batch};
use asked::{FetchSize, PullRequest, SILENCE_TIMEOUT};

/// The most that one request asks for: nearly four of the largest messages.
const BYTES_MAX: usize = 4 * batch::BYTES_MAX;

/// Pulls from one durable consumer.
pub struct Fetcher {
    connection: Connection,
    source: Source,
    asked: Option<PullRequest>,
    /// What has come already of what `next` waits for.
    set: FetchedBatch,
    /// Bytes of a record, by the last set. As long as they are unknown, one message is asked for.
    record_bytes: Option<usize>,
    finishing: bool,
}

/// What is worked on together: the messages that one request brings.
#[derive(Default)]
struct FetchedBatch {
    deliveries: Vec<Delivery>,
    records: usize,
    bytes: usize,
}

/// The broker could not be pulled from. The next pull starts anew.
#[derive(Debug, Error)]
#[error("cannot pull from consumer {durable} of stream {stream}")]
pub struct FetchError {
    stream: &'static str,
    durable: String,
    source: Error,
}

impl Fetcher {
    /// A puller for `source`. Nothing is asked of the broker yet.
    pub fn new(connection: Connection, source: Source) -> Self {
        let (asked, set, record_bytes) = (None, FetchedBatch::default(), None);
        Self { connection, source, asked, set, record_bytes, finishing: false }
    }

    /// Where it pulls from.
    pub const fn source(&self) -> &Source {
        &self.source
    }

    /// Waits for a message and takes those that are there with it, of about `records_wanted` records
    /// in all, by the size of those that came before. After [`finish`](Self::finish), none means
    /// that all have come. May be cancelled without losing a message.
    pub async fn next(&mut self, records_wanted: usize) -> Result<Vec<Delivery>, FetchError> {
        if let Err(source) = self.gather(records_wanted).await {
            // Whatever went wrong, a new pull is the cure. What has come is worked on first.
            self.end().await;
            if self.set.deliveries.is_empty() {
                let Source { stream, ref durable, .. } = self.source;
                return Err(FetchError { stream, durable: durable.clone(), source });
            }
        }
        let set = take(&mut self.set);
        if let Some(bytes) = set.bytes.checked_div(set.records) {
            self.record_bytes = Some(bytes);
        }
        Ok(set.deliveries)
    }

    /// From now on nothing more is asked for: `next` gives what was asked for already. That takes
    /// about a second where there are no messages.
    pub const fn finish(&mut self) {
        self.finishing = true;
    }

    /// Gives back what was asked for and nobody has taken yet, for which it waits: a second, and 4 s
    /// where the broker is late.
    pub async fn nak(&mut self) {
        if self.asked.as_ref().is_some_and(PullRequest::is_open) {
            // What is given back while it still pulls would come here again.
            self.end().await;
        }
        while let Some(delivery) = self.set.deliveries.pop() {
            delivery.nak().await;
        }
        self.set = FetchedBatch::default();
    }

    /// Fills the set with what one request brings.
    async fn gather(&mut self, records_wanted: usize) -> Result<(), Error> {
        // Messages are whole: more than twice as many come only when records became much smaller.
        while self.set.records < 2 * records_wanted {
            let fetch_size = self.fetch_size(records_wanted);
            if !self.asked.as_ref().is_some_and(PullRequest::is_open) {
                if self.finishing || !self.set.deliveries.is_empty() {
                    return Ok(());
                }
                // Asked without one, requests would pile up until there is one again.
                self.connection.connected().await;
            }
            let asked = match &mut self.asked {
                Some(asked) => asked,
                none => none.insert(PullRequest::open(&self.connection, &self.source).await?),
            };
            if !asked.is_open() {
                asked.ask(fetch_size).await?;
            }
            if let Some(message) = asked.next().await? {
                self.set.add(message, &self.connection)?;
            } else if !asked.is_open() && self.set.deliveries.is_empty() {
                // Refused, or idle: the next message comes, whatever its size.
                self.record_bytes = None;
            }
        }
        Ok(())
    }

    /// Lets what is asked for come to its end, for 4 s at most: it belongs to the set. What comes after
    /// that is with nobody until `ack_wait` is over.
    async fn end(&mut self) {
        let Some(asked) = &mut self.asked else { return };
        let until = Instant::now() + SILENCE_TIMEOUT;
        while asked.is_open() {
            let Ok(Ok(news)) = timeout_at(until, asked.next()).await else { break };
            let added = news.map_or(Ok(()), |message| self.set.add(message, &self.connection));
            if let Err(err) = added {
                tracing::warn!(%err, "a message without a place in its stream");
            }
        }
        self.asked = None;
    }

    fn fetch_size(&self, records_wanted: usize) -> FetchSize {
        let Some(record_bytes) = self.record_bytes else { return FetchSize::One };
        // A quarter more, so that a set does not lack its last message for want of a few bytes.
        let records = records_wanted + records_wanted / 4;
        FetchSize::Bytes((records * record_bytes).min(BYTES_MAX))
    }
}

impl FetchedBatch {
    fn add(&mut self, message: Message, connection: &Connection) -> Result<(), Error> {
        self.bytes += message.length;
        let delivery = Delivery::open(message, connection)?;
        self.records += delivery.records.len();
        self.deliveries.push(delivery);
        Ok(())
    }
}
