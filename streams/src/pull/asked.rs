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
const SILENCE_MAX: Duration = Duration::from_secs(4);
/// How often is looked whether the connection was lost meanwhile, and the request with it.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// For the broker to send what was on its way when it heard that nothing is wanted any more.
const END_WITHIN: Duration = Duration::from_millis(500);

/// An inbox to which a durable consumer sends as many messages as it was asked for.
pub(super) struct Asked {
    connection: Connection,
    subject: String,
    inbox: Subject,
    arriving: Subscriber,
    /// Messages that were asked for and may come still.
    owed: usize,
    stopped: bool,
    /// Which connection it was asked over.
    connects: u64,
}

#[derive(Serialize)]
struct Request {
    batch: usize,
    /// In nanoseconds.
    expires: u128,
}

impl Asked {
    /// An inbox for the consumer of `source`, from which nothing is asked yet.
    pub(super) async fn open(connection: &Connection, source: &Source) -> Result<Self, Error> {
        let inbox = Subject::from(connection.client.new_inbox());
        let arriving = connection.client.subscribe(inbox.clone()).await?;
        Ok(Self {
            connection: connection.clone(),
            subject: format!("$JS.API.CONSUMER.MSG.NEXT.{}.{}", source.stream, source.durable),
            inbox,
            arriving,
            owed: 0,
            stopped: false,
            connects: connects(connection),
        })
    }

    /// From now on nothing more is asked for.
    pub(super) fn stop(&mut self) {
        self.stopped = true;
    }

    /// The next message, and `None` when it is stopped and all has come that was asked for. Asks for
    /// `ahead` more as soon as no more than half of that may come still. Any error means that
    /// nothing can be said of what was asked for. May be cancelled without losing a message.
    pub(super) async fn next(&mut self, ahead: usize) -> Result<Option<Message>, Error> {
        loop {
            // The next request is there before the last one is used up.
            if !self.stopped && self.owed <= ahead / 2 {
                self.ask(ahead).await?;
            }
            if self.owed == 0 {
                return Ok(None);
            }
            let heard = self.hear().await?;
            if let Some(message) = self.count(heard)? {
                let context = self.connection.jetstream.clone();
                return Ok(Some(Message { message, context }));
            }
        }
    }

    /// Ends it at once, and gives the messages that were here or on their way already.
    pub(super) async fn end(mut self) -> Vec<Message> {
        let mut left = Vec::new();
        // Without a connection there is no subscription to end either.
        self.arriving.drain().await.ok();
        while let Ok(Some(heard)) = timeout(END_WITHIN, self.arriving.next()).await {
            if let Ok(Some(message)) = self.count(heard) {
                left.push(Message { message, context: self.connection.jetstream.clone() });
            }
        }
        left
    }

    async fn ask(&mut self, batch: usize) -> Result<(), Error> {
        let request = Request { batch, expires: EXPIRES.as_nanos() };
        let (subject, inbox) = (self.subject.clone(), self.inbox.clone());
        let request = serde_json::to_vec(&request)?.into();
        self.connection.client.publish_with_reply(subject, inbox, request).await?;
        self.owed += batch;
        Ok(())
    }

    async fn hear(&mut self) -> Result<async_nats::Message, Error> {
        let silent_until = Instant::now() + SILENCE_MAX;
        loop {
            match timeout(LOOK_EVERY, self.arriving.next()).await {
                Ok(Some(heard)) => return Ok(heard),
                Ok(None) => return Err("the connection is closed".into()),
                Err(_) if connects(&self.connection) != self.connects => {
                    return Err("the connection was lost".into());
                }
                Err(_) if Instant::now() > silent_until => {
                    return Err("the broker fell silent".into());
                }
                Err(_) => {}
            }
        }
    }

    /// The message that was heard, or `None` for the news that a request has ended.
    fn count(&mut self, heard: async_nats::Message) -> Result<Option<async_nats::Message>, Error> {
        match heard.status {
            None | Some(StatusCode::OK) => {
                self.owed = self.owed.saturating_sub(1);
                Ok(Some(heard))
            }
            Some(StatusCode::TIMEOUT) => {
                let headers = heard.headers.as_ref();
                let left = headers.and_then(|headers| headers.get("Nats-Pending-Messages"));
                // Not told, nothing is assumed to be over: silence will end it.
                let left = left.and_then(|left| left.as_str().parse().ok()).unwrap_or(0);
                self.owed = self.owed.saturating_sub(left);
                Ok(None)
            }
            Some(status) => {
                let told = heard.description.as_deref().unwrap_or("without a reason");
                Err(format!("the broker refused: {status}, {told}").into())
            }
        }
    }
}

/// How often this connection has been made so far.
fn connects(connection: &Connection) -> u64 {
    connection.client.statistics().connects.load(Ordering::Relaxed)
}
