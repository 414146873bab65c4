//! Fetches messages from one durable pull consumer that all workers of a pool share. Nothing is
//! prefetched: messages that no worker is processing stay at the broker, for the first free worker.

use std::mem::take;

use async_nats::jetstream::Message;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::fetch_error::FetchError;
use super::late_requests::LateRequests;
use super::pull_failure::PullFailure;
use super::pull_log::PullLog;
use super::pull_request::{FetchSize, PullRequest};
use crate::limits::{
    FETCH_BYTES_MAX, FETCH_DRAIN_TIMEOUT, FETCH_RETRY_DELAY_MAX, FETCH_RETRY_DELAY_MIN,
};
use crate::routes::Routes;
use crate::{Delivery, Durable, Lane, failpoint};

/// Fetches from one durable consumer.
pub(super) struct DurableFetcher {
    routes: Routes,
    durable: Durable,
    request: Option<PullRequest>,
    late_requests: LateRequests,
    /// The messages that have arrived so far for the current call of `next`.
    fetched: FetchedBatch,
    /// Average bytes per record of the last batch. While it is unknown, one message is requested.
    record_bytes: Option<usize>,
    /// Whether no pull request is sent any more.
    is_stopping: bool,
    retry: Retry,
    log: PullLog,
}

/// When a request may be sent again after others have failed.
#[derive(Default)]
struct Retry {
    failures: u32,
    at: Option<Instant>,
}

/// The messages of one pull request, which are processed together.
#[derive(Default)]
struct FetchedBatch {
    deliveries: Vec<Delivery>,
    records: usize,
    bytes: usize,
}

impl DurableFetcher {
    /// A fetcher for `durable`. Sends nothing to the broker yet.
    pub(super) fn new(routes: Routes, durable: Durable, log: PullLog) -> Self {
        Self {
            routes,
            durable,
            request: None,
            late_requests: LateRequests::default(),
            fetched: FetchedBatch::default(),
            record_bytes: None,
            is_stopping: false,
            retry: Retry::default(),
            log,
        }
    }

    /// The durable consumer that it fetches from.
    pub(super) const fn durable(&self) -> &Durable {
        &self.durable
    }

    /// Waits for a message and takes those that are available with it: about `records_wanted`
    /// records in total, estimated from the size of earlier ones. Once stopping,
    /// an empty result means that all requested messages have arrived. Cancel-safe: no message is
    /// lost.
    pub(super) async fn next(
        &mut self,
        records_wanted: usize,
    ) -> Result<Vec<Delivery>, FetchError> {
        let filled = self.fill(records_wanted).await;
        self.take(filled).await
    }

    async fn take(&mut self, filled: Result<(), PullFailure>) -> Result<Vec<Delivery>, FetchError> {
        if let Err(failure) = filled {
            let is_first = self.log.failed(&failure);
            self.retry.failed(is_first);
            if failure.is_silence()
                && let Some(request) = self.request.take()
            {
                self.late_requests.keep(request);
            }
            // A new pull request recovers from any error. Messages that have arrived are processed
            // first.
            self.drain_open_request().await;
            if self.fetched.deliveries.is_empty() {
                return Err(FetchError { durable: self.durable.clone(), failure, is_first });
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

    /// Whether pull requests are sent: if not, `next` returns only what was already requested. That
    /// takes about a second if there are no messages.
    pub(super) const fn set_stopping(&mut self, is_stopping: bool) {
        self.is_stopping = is_stopping;
    }

    /// Whether `next` may return messages.
    pub(super) fn must_fetch(&self) -> bool {
        !self.is_stopping || self.is_open()
    }

    /// Whether messages that were requested may still arrive.
    pub(super) fn is_open(&self) -> bool {
        !self.fetched.deliveries.is_empty()
            || self.request.as_ref().is_some_and(PullRequest::is_open)
    }

    /// Naks all messages that were requested but not returned by `next`. Waits for them to arrive:
    /// for a second, or for up to 4 s if the broker is slow.
    pub(super) async fn nak(&mut self) {
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
                self.retry.wait().await;
                self.open_request().await?.send(fetch_size).await?;
            }
            let Some(request) = &mut self.request else { continue };
            let route = request.route();
            let received = tokio::select! {
                biased;
                received = request.next() => received?,
                (late, route) = self.late_requests.next() => {
                    // The open request may wait for its first message.
                    return self.fetched.add(&late, &self.routes, route);
                }
            };
            self.log.served();
            self.retry = Retry::default();
            if let Some(message) = received {
                self.fetched.add(&message, &self.routes, route)?;
            } else if !request.is_open() && self.fetched.deliveries.is_empty() {
                // Rejected or expired: request the next message, whatever its size.
                self.record_bytes = None;
            }
        }
        Ok(())
    }

    /// A request that is not open, over the connection to the broker that leads the lane: a broker that
    /// hangs then keeps no messages of another lane.
    async fn open_request(&mut self) -> Result<&mut PullRequest, PullFailure> {
        let leader = match Lane::of_stream(self.durable.stream) {
            Some(lane) => {
                self.routes.refresh_lanes().await;
                self.routes.to_leader_of(lane)
            }
            None => None,
        };
        let route = leader.unwrap_or_else(|| self.routes.any_good());
        let connection = &self.routes.get(route).connection;
        // Requests sent while disconnected would queue in the client until it reconnects.
        connection.connected().await;
        let reused = self.request.take().filter(|request| request.route() == route);
        let request = match reused {
            Some(request) => request,
            None => PullRequest::open(connection, route, &self.durable).await?,
        };
        Ok(self.request.insert(request))
    }

    /// Receives the outstanding messages of the open request into the batch, for at most 4 s. A
    /// message that arrives later is unprocessed until `ack_wait` expires.
    async fn drain_open_request(&mut self) {
        let Some(request) = &mut self.request else { return };
        let (deadline, route) = (Instant::now() + FETCH_DRAIN_TIMEOUT, request.route());
        while request.is_open() {
            let Ok(Ok(received)) = timeout_at(deadline, request.next()).await else { break };
            let added =
                received.map_or(Ok(()), |message| self.fetched.add(&message, &self.routes, route));
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

impl Retry {
    /// A request has failed; the first one after others were served, or not.
    fn failed(&mut self, is_first: bool) {
        self.failures = if is_first { 0 } else { self.failures.saturating_add(1) };
        let factor = 2_u32.saturating_pow(self.failures);
        let delay = FETCH_RETRY_DELAY_MIN.saturating_mul(factor).min(FETCH_RETRY_DELAY_MAX);
        self.at = Some(Instant::now() + delay);
    }

    async fn wait(&self) {
        if let Some(at) = self.at {
            sleep_until(at).await;
        }
    }
}

impl FetchedBatch {
    fn add(&mut self, message: &Message, routes: &Routes, route: usize) -> Result<(), PullFailure> {
        self.bytes += message.length;
        let delivery = Delivery::open(message, routes, route).map_err(PullFailure::other)?;
        self.records += delivery.records.len();
        self.deliveries.push(delivery);
        Ok(())
    }
}
