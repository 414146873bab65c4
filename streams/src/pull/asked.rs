//! What was asked of a durable consumer, and what of it has not come yet. The client library's own
//! pull cannot stop asking: whoever ends it loses the messages that are on their way.

use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::jetstream::Message;
use async_nats::{Error, StatusCode, Subject, Subscriber};
use futures_util::StreamExt;
use serde::Serialize;
use tokio::time::{Instant, timeout};

use crate::{Connection, Source};

/// How long one request stands at the broker. It is short, because a worker that ends waits for it,
/// and long enough that idle workers are no load.
const EXPIRES: Duration = Duration::from_secs(1);
/// A request that has neither brought anything nor ended after this is lost. Brokers on a busy
/// machine are late by less.
pub(super) const SILENCE_TIMEOUT: Duration = Duration::from_secs(4);
/// How often is looked whether the connection was lost meanwhile, and the request with it.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// Messages of one request: where they are tiny, each of them costs more than its records do.
const MESSAGES_MAX: usize = 64;
/// How the broker says that the next message would have too many bytes, or be one too many. With three
/// brokers it says so before the messages come, which wait until a majority knows of them.
const REQUEST_EXHAUSTED: [&str; 2] = ["Message Size Exceeds MaxBytes", "Batch Completed"];
/// Where it tells how many messages of the request will not come.
const PENDING_MESSAGES_HEADER: &str = "Nats-Pending-Messages";

/// How much is asked for at once.
#[derive(Debug, Clone, Copy)]
pub(super) enum FetchSize {
    /// The next message. Never refused.
    One,
    /// All that is there, of up to so many bytes; the next message where nothing is. Refused where
    /// others wait for more than is there, and if the first message is larger.
    Bytes(usize),
}

/// An inbox to which a durable consumer sends what it is asked for.
pub(super) struct PullRequest {
    connection: Connection,
    subject: String,
    inbox: Subject,
    arriving: Subscriber,
    /// Messages that may come still; none when no request is open.
    outstanding: usize,
    /// Bytes of which they may be.
    outstanding_bytes: usize,
    /// Which connection was asked.
    connection_epoch: u64,
}

/// As the broker reads it. `no_wait` with `expires` waits for a first message only, and then sends all
/// that is there.
#[derive(Serialize)]
struct Request {
    batch: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_bytes: Option<usize>,
    no_wait: bool,
    /// In nanoseconds.
    expires: u128,
}

impl PullRequest {
    /// An inbox for the consumer of `source`, from which nothing is asked yet.
    pub(super) async fn open(connection: &Connection, source: &Source) -> Result<Self, Error> {
        let inbox = Subject::from(connection.client.new_inbox());
        let arriving = connection.client.subscribe(inbox.clone()).await?;
        Ok(Self {
            connection: connection.clone(),
            subject: format!("$JS.API.CONSUMER.MSG.NEXT.{}.{}", source.stream, source.durable),
            inbox,
            arriving,
            outstanding: 0,
            outstanding_bytes: 0,
            connection_epoch: connection_epoch(connection),
        })
    }

    /// Whether messages may come still.
    pub(super) const fn is_open(&self) -> bool {
        self.outstanding > 0
    }

    /// Asks for `fetch_size`, once the last request has ended.
    pub(super) async fn ask(&mut self, fetch_size: FetchSize) -> Result<(), Error> {
        let expires = EXPIRES.as_nanos();
        let request = match fetch_size {
            FetchSize::One => Request { batch: 1, max_bytes: None, no_wait: false, expires },
            FetchSize::Bytes(max) => {
                Request { batch: MESSAGES_MAX, max_bytes: Some(max), no_wait: true, expires }
            }
        };
        let (subject, inbox) = (self.subject.clone(), self.inbox.clone());
        let payload = serde_json::to_vec(&request)?.into();
        self.connection_epoch = connection_epoch(&self.connection);
        self.connection.client.publish_with_reply(subject, inbox, payload).await?;
        self.outstanding = request.batch;
        self.outstanding_bytes = request.max_bytes.unwrap_or(usize::MAX);
        Ok(())
    }

    /// The next message of an open request, and `None` for news of it: it may have ended. It has with
    /// any error. May be cancelled without losing a message.
    pub(super) async fn next(&mut self) -> Result<Option<Message>, Error> {
        let heard = self.record().await;
        let sequential_id = heard.and_then(|heard| self.count(heard));
        if sequential_id.is_err() {
            self.outstanding = 0;
        }
        sequential_id
    }

    async fn record(&mut self) -> Result<async_nats::Message, Error> {
        let silent_until = Instant::now() + SILENCE_TIMEOUT;
        loop {
            match timeout(POLL_INTERVAL, self.arriving.next()).await {
                Ok(Some(heard)) => return Ok(heard),
                Ok(None) => return Err("the connection is closed".into()),
                Err(_) if connection_epoch(&self.connection) != self.connection_epoch => {
                    return Err("the connection was lost".into());
                }
                Err(_) if Instant::now() > silent_until => {
                    return Err("the broker fell silent".into());
                }
                Err(_) => {}
            }
        }
    }

    /// The message that was heard, or `None` for news of the request.
    fn count(&mut self, heard: async_nats::Message) -> Result<Option<Message>, Error> {
        match (heard.status, heard.description.as_deref()) {
            (None | Some(StatusCode::OK), _) => {
                self.outstanding_bytes = self.outstanding_bytes.saturating_sub(heard.length);
                // A request that is used up to the last byte ends without a word.
                self.outstanding =
                    if self.outstanding_bytes > 0 { self.outstanding.saturating_sub(1) } else { 0 };
                let context = self.connection.jetstream.clone();
                Ok(Some(Message { message: heard, context }))
            }
            // Said after all that could be sent.
            (Some(StatusCode::TIMEOUT | StatusCode::NOT_FOUND), _) => {
                self.outstanding = 0;
                Ok(None)
            }
            (_, Some(told)) if REQUEST_EXHAUSTED.contains(&told) => {
                let headers = heard.headers.as_ref();
                let not_sent = headers.and_then(|headers| headers.get(PENDING_MESSAGES_HEADER));
                let not_sent = not_sent.and_then(|not_sent| not_sent.as_str().parse().ok());
                self.outstanding = self.outstanding.saturating_sub(not_sent.unwrap_or(0));
                Ok(None)
            }
            (Some(status), told) => {
                let told = told.unwrap_or("without a reason");
                Err(format!("the broker refused: {status}, {told}").into())
            }
        }
    }
}

/// How often this connection has been made so far.
fn connection_epoch(connection: &Connection) -> u64 {
    connection.client.statistics().connects.load(Ordering::Relaxed)
}
