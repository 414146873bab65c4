//! The way to the brokers.

use std::time::{Duration, Instant};

use async_nats::jetstream::{self, context::ContextBuilder};
use async_nats::{Client, ConnectOptions, Event, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt;
use rand::RngExt;
use thiserror::Error;

use crate::replies::ReplyRouter;

/// Long enough for a whole cluster that starts at the same time.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// Between two tries to connect: soon, but no storm. A random part keeps processes apart.
const RECONNECT_DELAY_MAX: Duration = Duration::from_millis(500);
/// Between two looks whether a broker is there again.
const POLL_INTERVAL: Duration = Duration::from_millis(50);
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);
/// How long the broker may take to answer a request about streams and consumers.
const API_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection to the brokers. Cheap to clone; finds its way back by itself.
#[derive(Clone)]
pub struct Connection {
    pub(crate) client: Client,
    pub(crate) jetstream: jetstream::Context,
    pub(crate) replies: ReplyRouter,
}

/// Why there is no connection.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// No broker could be reached.
    #[error("no broker at {urls} answered for {} s", CONNECT_TIMEOUT.as_secs())]
    Unreachable {
        /// Where one was looked for.
        urls: String,
        /// What the last of them said.
        source: async_nats::ConnectError,
    },
    /// The connection was closed at once.
    #[error("the broker closed the connection")]
    Closed(#[source] async_nats::SubscribeError),
}

/// What is told on one subject.
pub struct Notifications(Subscriber);

/// The connection is closed, so that nothing can be heard.
#[derive(Debug, Error)]
#[error("nothing can be heard")]
pub struct ListenError(#[source] async_nats::SubscribeError);

impl Notifications {
    /// The next notice; `None` when the connection is closed.
    pub async fn next(&mut self) -> Option<Bytes> {
        Some(self.0.next().await?.payload)
    }
}

impl Connection {
    /// Connects to one of `urls` (separated by commas), waiting up to 30 s for the first of them.
    /// `name` is what operators see in the brokers' list of connections.
    pub async fn open(urls: &str, name: &str) -> Result<Self, ConnectError> {
        let deadline = Instant::now() + CONNECT_TIMEOUT;
        let client = loop {
            match options(name).connect(urls.split(',').collect::<Vec<_>>()).await {
                Ok(client) => break client,
                Err(_) if Instant::now() < deadline => tokio::time::sleep(reconnect_delay()).await,
                Err(source) => {
                    return Err(ConnectError::Unreachable { urls: urls.to_owned(), source });
                }
            }
        };
        let jetstream = ContextBuilder::new().timeout(API_TIMEOUT).build(client.clone());
        let replies = ReplyRouter::start(client.clone()).await.map_err(ConnectError::Closed)?;
        Ok(Self { client, jetstream, replies })
    }

    /// Whether a broker is connected right now.
    pub fn is_connected(&self) -> bool {
        self.client.connection_state() == async_nats::connection::State::Connected
    }

    /// Waits until a broker is connected.
    pub(crate) async fn connected(&self) {
        while !self.is_connected() {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Tells whoever listens on `subject` right now. Nobody may, and nothing is kept.
    pub async fn notify(&self, subject: &'static str, payload: Bytes) {
        if let Err(err) = self.client.publish(subject, payload).await {
            tracing::warn!(%err, subject, "a notice was not sent");
        }
    }

    /// Hears what is told on `subject` from now on.
    pub async fn listen(&self, subject: &'static str) -> Result<Notifications, ListenError> {
        let told = self.client.subscribe(subject).await.map_err(ListenError)?;
        // The broker knows of it before anything is told that must be heard.
        self.flush().await;
        Ok(Notifications(told))
    }

    /// Waits until everything sent so far has left for the broker, for 2 s at most: while no broker
    /// is there, nothing leaves.
    pub async fn flush(&self) {
        if tokio::time::timeout(FLUSH_TIMEOUT, self.client.flush()).await.is_err() {
            tracing::warn!("not everything has left for the broker");
        }
    }
}

fn options(name: &str) -> ConnectOptions {
    ConnectOptions::new()
        .name(name)
        .connection_timeout(Duration::from_secs(2))
        .ping_interval(Duration::from_secs(5))
        .reconnect_delay_callback(|_| reconnect_delay())
        .event_callback(|event| async move {
            match event {
                Event::Connected => tracing::debug!("broker connected"),
                Event::Disconnected => tracing::warn!("broker connection lost"),
                Event::Closed | Event::Draining => {}
                other => tracing::warn!(event = %other, "broker connection"),
            }
        })
}

fn reconnect_delay() -> Duration {
    rand::rng().random_range(RECONNECT_DELAY_MAX / 5..=RECONNECT_DELAY_MAX)
}
