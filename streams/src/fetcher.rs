//! Fetches messages from a durable pull consumer that all workers of a pool share. Nothing is
//! prefetched: messages that no worker is processing stay at the broker, for the first free worker.

mod pull_failure;
mod pull_log;
mod pull_request;

use std::iter;
use std::mem::take;

use async_nats::jetstream::Message;
use thiserror::Error;
use tokio::time::{Instant, timeout_at};

use crate::limits::{FETCH_BYTES_MAX, FETCH_SILENCE_TIMEOUT};
use crate::{Connection, Delivery, Source, failpoint};
pub use pull_failure::PullFailure;
use pull_log::PullLog;
use pull_request::{FetchSize, PullRequest};

/// Fetches from one durable consumer.
pub struct Fetcher {
    connection: Connection,
    source: Source,
    request: Option<PullRequest>,
    /// The messages that have arrived so far for the current call of `next`.
    fetched: FetchedBatch,
    /// Average bytes per record of the last batch. While it is unknown, one message is requested.
    record_bytes: Option<usize>,
    is_stopping: bool,
    log: PullLog,
}

/// The messages of one pull request, which are processed together.
#[derive(Default)]
struct FetchedBatch {
    deliveries: Vec<Delivery>,
    records: usize,
    bytes: usize,
}

/// Fetching from the broker failed, which is logged. The next fetch opens a new pull request.
#[derive(Debug, Error)]
#[error("cannot fetch from consumer {durable} of stream {stream}")]
pub struct FetchError {
    stream: &'static str,
    durable: String,
    /// Why.
    #[source]
    pub failure: PullFailure,
    /// Whether the request before was served.
    pub is_first: bool,
}

impl Fetcher {
    /// A fetcher for `source`. Sends nothing to the broker yet.
    pub fn new(connection: Connection, source: Source) -> Self {
        let log = PullLog::new(source.clone());
        Self::with_log(connection, source, log)
    }

    /// `count` fetchers for `source`, which log the failures of their requests as one.
    pub fn several(
        connection: &Connection,
        source: &Source,
        count: usize,
    ) -> impl Iterator<Item = Self> {
        let log = PullLog::new(source.clone());
        let with_log = move || Self::with_log(connection.clone(), source.clone(), log.share());
        iter::repeat_with(with_log).take(count)
    }

    fn with_log(connection: Connection, source: Source, log: PullLog) -> Self {
        Self {
            connection,
            source,
            request: None,
            fetched: FetchedBatch::default(),
            record_bytes: None,
            is_stopping: false,
            log,
        }
    }

    /// The stream and the durable consumer that it fetches from.
    pub const fn source(&self) -> &Source {
        &self.source
    }

    /// Waits for a message and takes those that are available with it: about `records_wanted`
    /// records in total, estimated from the size of earlier ones. After [`finish`](Self::finish),
    /// an empty result means that all requested messages have arrived. Cancel-safe: no message is
    /// lost.
    pub async fn next(&mut self, records_wanted: usize) -> Result<Vec<Delivery>, FetchError> {
        if let Err(failure) = self.fill(records_wanted).await {
            let is_first = self.log.failed(&failure);
            // A new pull request recovers from any error. Messages that have arrived are processed
            // first.
            self.drain_open_request().await;
            if self.fetched.deliveries.is_empty() {
                let Source { stream, ref durable, .. } = self.source;
                return Err(FetchError { stream, durable: durable.clone(), failure, is_first });
            }
        }
        let fetched = take(&mut self.fetched);
        failpoint!("ack_before_commit" => for delivery in &fetched.deliveries {
            delivery.ack_early().await;
        });
        if let Some(bytes) = fetched.bytes.checked_div(fetched.records) {
            self.record_bytes = Some(bytes);
        }
        Ok(fetched.deliveries)
    }

    /// Stops sending pull requests: from now on `next` returns only what was already requested.
    /// That takes about a second if there are no messages.
    pub const fn finish(&mut self) {
        self.is_stopping = true;
    }

    /// Naks all messages that were requested but not returned by `next`. Waits for them to arrive:
    /// for a second, or for up to 4 s if the broker is slow.
    pub async fn nak(&mut self) {
        if self.request.as_ref().is_some_and(PullRequest::is_open) {
            // A message that is nakked while the request is open would be redelivered to it.
            self.drain_open_request().await;
        }
        while let Some(delivery) = self.fetched.deliveries.pop() {
            delivery.nak().await;
        }
        self.fetched = FetchedBatch::default();
    }

    /// Fills the batch with the messages of one pull request.
    async fn fill(&mut self, records_wanted: usize) -> Result<(), PullFailure> {
        // A message is never split. More than twice `records_wanted` arrive only if records have
        // become much smaller.
        while self.fetched.records < 2 * records_wanted {
            let fetch_size = self.fetch_size(records_wanted);
            if !self.request.as_ref().is_some_and(PullRequest::is_open) {
                if self.is_stopping || !self.fetched.deliveries.is_empty() {
                    return Ok(());
                }
                // Requests sent while disconnected would queue in the client until it reconnects.
                self.connection.connected().await;
            }
            let request = match &mut self.request {
                Some(request) => request,
                none => none.insert(PullRequest::open(&self.connection, &self.source).await?),
            };
            if !request.is_open() {
                request.send(fetch_size).await?;
            }
            let received = request.next().await?;
            self.log.served();
            if let Some(message) = received {
                self.fetched.add(message, &self.connection)?;
            } else if !request.is_open() && self.fetched.deliveries.is_empty() {
                // Rejected or expired: request the next message, whatever its size.
                self.record_bytes = None;
            }
        }
        Ok(())
    }

    /// Receives the outstanding messages of the open request into the batch, for at most 4 s. A
    /// message that arrives later is unprocessed until `ack_wait` expires.
    async fn drain_open_request(&mut self) {
        let Some(request) = &mut self.request else { return };
        let deadline = Instant::now() + FETCH_SILENCE_TIMEOUT;
        while request.is_open() {
            let Ok(Ok(received)) = timeout_at(deadline, request.next()).await else { break };
            let added =
                received.map_or(Ok(()), |message| self.fetched.add(message, &self.connection));
            if let Err(err) = added {
                tracing::warn!(%err, "message without JetStream metadata");
            }
        }
        self.request = None;
    }

    fn fetch_size(&self, records_wanted: usize) -> FetchSize {
        let Some(record_bytes) = self.record_bytes else { return FetchSize::One };
        // A quarter more, so that the last message is not excluded for a few bytes.
        let records = records_wanted + records_wanted / 4;
        FetchSize::Bytes((records * record_bytes).min(FETCH_BYTES_MAX))
    }
}

impl FetchedBatch {
    fn add(&mut self, message: Message, connection: &Connection) -> Result<(), PullFailure> {
        self.bytes += message.length;
        let delivery = Delivery::open(message, connection).map_err(PullFailure::other)?;
        self.records += delivery.records.len();
        self.deliveries.push(delivery);
        Ok(())
    }
}
