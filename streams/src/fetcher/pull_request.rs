//! A pull request to a durable consumer, and how much of it is outstanding. The client library's
//! own pull cannot stop requesting without losing the messages that are in flight.

use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use async_nats::jetstream::Message;
use async_nats::{StatusCode, Subject, Subscriber};
use futures_util::StreamExt;
use serde::Serialize;
use tokio::time::{Instant, timeout};

use super::pull_failure::PullFailure;
use crate::limits::{
    FETCH_EXPIRES, FETCH_MESSAGES_MAX, FETCH_POLL_INTERVAL, FETCH_SILENCE_TIMEOUT,
};
use crate::{Connection, Durable};

/// Status descriptions by which the broker ends a request: the next message would exceed the byte
/// limit or the message limit. With three brokers this status arrives before the messages, which
/// are held until a majority of brokers has recorded their delivery.
const REQUEST_EXHAUSTED: [&str; 2] = ["Message Size Exceeds MaxBytes", "Batch Completed"];
/// Header of that status: how many messages of the request will not be sent.
const PENDING_MESSAGES_HEADER: &str = "Nats-Pending-Messages";

/// The size of one pull request.
#[derive(Debug, Clone, Copy)]
pub(super) enum FetchSize {
    /// The next message. Never rejected.
    One,
    /// All available messages up to this many bytes; if none is available, the next message.
    /// Rejected if other requests are waiting for more than is available, and if the first message
    /// is larger.
    Bytes(usize),
}

/// An inbox to which a durable consumer sends the requested messages.
pub(super) struct PullRequest {
    connection: Connection,
    /// The index of the route of this connection.
    route: usize,
    subject: String,
    inbox: Subject,
    subscriber: Subscriber,
    /// Messages that may still arrive; 0 if no request is open.
    outstanding: usize,
    /// Bytes that they may have in total.
    outstanding_bytes: usize,
    /// The connection over which the request was sent, and when.
    connection_epoch: u64,
    sent_at: Instant,
    /// When something last arrived, or the request was sent.
    heard_at: Instant,
}

/// The request body of the JetStream API. `no_wait` with `expires` waits for the first message
/// only, and then sends all available ones.
#[derive(Serialize)]
struct RequestBody {
    batch: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_bytes: Option<usize>,
    no_wait: bool,
    /// Nanoseconds.
    expires: u128,
}

impl PullRequest {
    /// Subscribes to a new inbox for `durable`, over the connection of `route`. Requests no messages
    /// yet.
    pub(super) async fn open(
        connection: &Connection,
        route: usize,
        durable: &Durable,
    ) -> Result<Self, PullFailure> {
        let inbox = Subject::from(connection.client.new_inbox());
        let subscriber = connection.client.subscribe(inbox.clone()).await;
        let subscriber = subscriber.map_err(PullFailure::other)?;
        let subject = format!("$JS.API.CONSUMER.MSG.NEXT.{}.{}", durable.stream, durable.name);
        connection.events.watch(&subject);
        Ok(Self {
            connection: connection.clone(),
            route,
            subject,
            inbox,
            subscriber,
            outstanding: 0,
            outstanding_bytes: 0,
            connection_epoch: connection_epoch(connection),
            sent_at: Instant::now(),
            heard_at: Instant::now(),
        })
    }

    /// The index of the route over which it requests.
    pub(super) const fn route(&self) -> usize {
        self.route
    }

    /// Whether messages may still arrive.
    pub(super) const fn is_open(&self) -> bool {
        self.outstanding > 0
    }

    /// Requests `fetch_size`. The previous request must have ended.
    pub(super) async fn send(&mut self, fetch_size: FetchSize) -> Result<(), PullFailure> {
        let expires = FETCH_EXPIRES.as_nanos();
        let request = match fetch_size {
            FetchSize::One => RequestBody { batch: 1, max_bytes: None, no_wait: false, expires },
            FetchSize::Bytes(max) => RequestBody {
                batch: FETCH_MESSAGES_MAX,
                max_bytes: Some(max),
                no_wait: true,
                expires,
            },
        };
        let (subject, inbox) = (self.subject.clone(), self.inbox.clone());
        let payload = serde_json::to_vec(&request).map_err(PullFailure::other)?.into();
        self.connection_epoch = connection_epoch(&self.connection);
        self.sent_at = Instant::now();
        self.heard_at = self.sent_at;
        // Before it is sent: what arrives counts, even if this future is dropped.
        self.outstanding = request.batch;
        self.outstanding_bytes = request.max_bytes.unwrap_or(usize::MAX);
        let sent = self.connection.client.publish_with_reply(subject, inbox, payload).await;
        sent.map_err(|err| {
            self.outstanding = 0;
            PullFailure::other(err)
        })
    }

    /// The next message of an open request, or `None` after a status, which may have ended the
    /// request. Any error ends it. Cancel-safe: no message is lost.
    pub(super) async fn next(&mut self) -> Result<Option<Message>, PullFailure> {
        let received = self.receive().await;
        let message = received.and_then(|received| self.account(received));
        if message.is_err() {
            self.outstanding = 0;
        }
        message
    }

    async fn receive(&mut self) -> Result<async_nats::Message, PullFailure> {
        // What has arrived comes first. A caller may call again and again, and wait shortly each time.
        let mut wait = Duration::ZERO;
        loop {
            match timeout(wait, self.subscriber.next()).await {
                Ok(Some(received)) => {
                    self.heard_at = Instant::now();
                    return Ok(received);
                }
                Ok(None) => return Err(PullFailure::Disconnected),
                Err(_) => self.check()?,
            }
            wait = FETCH_POLL_INTERVAL;
        }
    }

    /// The next message of a request that was given up. Its statuses say nothing any more.
    pub(super) fn poll_late(&mut self, context: &mut Context<'_>) -> Poll<Message> {
        while let Poll::Ready(Some(received)) = self.subscriber.poll_next_unpin(context) {
            if matches!(received.status, None | Some(StatusCode::OK)) {
                let context = self.connection.jetstream.clone();
                return Poll::Ready(Message { message: received, context });
            }
        }
        Poll::Pending
    }

    /// Whether something can still arrive.
    fn check(&self) -> Result<(), PullFailure> {
        if connection_epoch(&self.connection) != self.connection_epoch {
            return Err(PullFailure::Disconnected);
        }
        if self.connection.events.was_denied(&self.subject, self.sent_at) {
            return Err(PullFailure::NoPermission(self.subject.clone()));
        }
        if self.heard_at.elapsed() > FETCH_SILENCE_TIMEOUT {
            return Err(PullFailure::NoReply);
        }
        Ok(())
    }

    /// Updates the outstanding counts for `received`, and returns it if it is a message from the
    /// stream. A status of the request yields `None`.
    fn account(&mut self, received: async_nats::Message) -> Result<Option<Message>, PullFailure> {
        match (received.status, received.description.as_deref()) {
            (None | Some(StatusCode::OK), _) => {
                self.outstanding_bytes = self.outstanding_bytes.saturating_sub(received.length);
                // A request whose bytes are used up exactly ends without a status.
                self.outstanding =
                    if self.outstanding_bytes > 0 { self.outstanding.saturating_sub(1) } else { 0 };
                let context = self.connection.jetstream.clone();
                Ok(Some(Message { message: received, context }))
            }
            // Sent after all messages that were available.
            (Some(StatusCode::TIMEOUT | StatusCode::NOT_FOUND), _) => {
                self.outstanding = 0;
                Ok(None)
            }
            (_, Some(description)) if REQUEST_EXHAUSTED.contains(&description) => {
                let headers = received.headers.as_ref();
                let not_sent = headers.and_then(|headers| headers.get(PENDING_MESSAGES_HEADER));
                let not_sent = not_sent.and_then(|not_sent| not_sent.as_str().parse().ok());
                self.outstanding = self.outstanding.saturating_sub(not_sent.unwrap_or(0));
                Ok(None)
            }
            (Some(status), description) => Err(PullFailure::from_status(status, description)),
        }
    }
}

/// How many times the client has connected so far.
fn connection_epoch(connection: &Connection) -> u64 {
    connection.client.statistics().connects.load(Ordering::Relaxed)
}
