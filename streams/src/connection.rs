//! The connection to the brokers.

use std::error::Error as _;
use std::future::ready;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use async_nats::jetstream::{self, context::ContextBuilder};
use async_nats::{Client, ConnectErrorKind, ConnectOptions, ServerAddr, Subscriber, rustls};
use bytes::Bytes;
use futures_util::StreamExt;
use rand::RngExt;
use thiserror::Error;

use crate::BrokerAccess;
use crate::broker_events::BrokerEvents;
use crate::ca_file::read_ca_file;
use crate::config::{broker_addresses, broker_user};
use crate::known_lanes::KnownLanes;
use crate::limits::{
    API_TIMEOUT, CONNECT_ATTEMPT_TIMEOUT, CONNECT_TIMEOUT, CONNECTION_POLL_INTERVAL, FLUSH_TIMEOUT,
    PING_INTERVAL, RECONNECT_DELAY_MAX, RECONNECT_DELAY_MIN,
};
use crate::reply_router::ReplyRouter;
use crate::role_key::{self, KeyFileError};

/// A connection to the brokers. Cheap to clone; reconnects automatically.
#[derive(Clone)]
pub struct Connection {
    pub(crate) client: Client,
    pub(crate) jetstream: jetstream::Context,
    pub(crate) replies: ReplyRouter,
    pub(crate) events: BrokerEvents,
    pub(crate) known_lanes: KnownLanes,
}

/// Connecting failed.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// No broker could be reached before the timeout.
    #[error("no broker at {hosts} responded within {} s", CONNECT_TIMEOUT.as_secs())]
    Unreachable {
        /// Host and port of the brokers that were tried, separated by commas.
        hosts: String,
        /// The error of the last attempt.
        source: async_nats::ConnectError,
    },
    /// The brokers do not know this process.
    #[error(
        "the brokers at {hosts} refuse this process: give it the file with its key by --nats-key-file or \
         NATS_KEY_FILE, or load the users that `millrace keys` has written into the brokers"
    )]
    Refused {
        /// Host and port of the brokers that were tried, separated by commas.
        hosts: String,
        /// The error of the last attempt.
        source: async_nats::ConnectError,
    },
    /// The key of this process cannot be read.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// What answers is not a broker of this cluster, or its certificate does not name its host.
    #[error("the certificate of a broker at {hosts} is not trusted")]
    Untrusted {
        /// Host and port of the brokers that were tried, separated by commas.
        hosts: String,
        /// The error of the last attempt.
        source: async_nats::ConnectError,
    },
    /// The certificates by which this process knows the brokers cannot be read.
    #[error("cannot use {file} to verify the brokers")]
    CaFile {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The broker closed the connection right after it was made.
    #[error("the broker closed the connection")]
    Closed(#[source] async_nats::SubscribeError),
}

/// A subscription to one core NATS subject.
pub struct Notifications(Subscriber);

/// Subscribing failed because the connection is closed.
#[derive(Debug, Error)]
#[error("subscription failed: connection closed")]
pub struct ListenError(#[source] pub(crate) async_nats::SubscribeError);

impl Notifications {
    /// The next message body; `None` when the connection is closed.
    pub async fn next(&mut self) -> Option<Bytes> {
        Some(self.0.next().await?.payload)
    }
}

/// Where the brokers are, without user and password.
fn hosts(urls: &str) -> String {
    let addresses = broker_addresses(urls).unwrap_or_default();
    let host = |address: &ServerAddr| format!("{}:{}", address.host(), address.port());
    addresses.iter().map(host).collect::<Vec<_>>().join(", ")
}

impl Connection {
    /// Connects to one of the brokers, retrying for up to 30 s unless they refuse it. `name` is what operators
    /// see in the brokers' list of connections.
    pub async fn open(access: &BrokerAccess, name: &str) -> Result<Self, ConnectError> {
        Self::open_with(access, name, |options| options).await
    }

    /// The same with other options than usual.
    pub(crate) async fn open_with(
        access: &BrokerAccess,
        name: &str,
        set: impl Fn(ConnectOptions) -> ConnectOptions,
    ) -> Result<Self, ConnectError> {
        let deadline = Instant::now() + CONNECT_TIMEOUT;
        let (events, urls) = (BrokerEvents::default(), &access.urls);
        let client = loop {
            let options = set(options(access, name, &events)?);
            match options.connect(urls.split(',').collect::<Vec<_>>()).await {
                Ok(client) => break client,
                Err(source) if source.kind() == ConnectErrorKind::AuthorizationViolation => {
                    return Err(ConnectError::Refused { hosts: hosts(urls), source });
                }
                Err(source) if is_untrusted(&source) => {
                    return Err(ConnectError::Untrusted { hosts: hosts(urls), source });
                }
                Err(_) if Instant::now() < deadline => tokio::time::sleep(reconnect_delay()).await,
                Err(source) => {
                    return Err(ConnectError::Unreachable { hosts: hosts(urls), source });
                }
            }
        };
        Self::over(client, events).await
    }

    async fn over(client: Client, events: BrokerEvents) -> Result<Self, ConnectError> {
        let jetstream = ContextBuilder::new().timeout(API_TIMEOUT).build(client.clone());
        let replies = ReplyRouter::start(client.clone()).await.map_err(ConnectError::Closed)?;
        Ok(Self { client, jetstream, replies, events, known_lanes: KnownLanes::default() })
    }

    /// Connects to the only broker of `access`, and to no other one. Returns before the connection is up, and
    /// retries for as long as it takes.
    pub(crate) async fn to_one_broker(
        access: &BrokerAccess,
        name: &str,
    ) -> Result<Self, ConnectError> {
        let (events, url) = (BrokerEvents::default(), &access.urls);
        let options = options(access, name, &events)?.retry_on_initial_connect();
        let client = options.ignore_discovered_servers().connect(url).await;
        let client =
            client.map_err(|source| ConnectError::Unreachable { hosts: hosts(url), source })?;
        Self::over(client, events).await
    }

    /// Whether a broker is connected right now.
    pub fn is_connected(&self) -> bool {
        self.client.connection_state() == async_nats::connection::State::Connected
    }

    /// Waits until the connection to a broker is up.
    pub(crate) async fn connected(&self) {
        while !self.is_connected() {
            tokio::time::sleep(CONNECTION_POLL_INTERVAL).await;
        }
    }

    /// Publishes to the current subscribers of `subject`, of which there may be none. Fire and
    /// forget: nothing is stored.
    pub async fn notify(&self, subject: &'static str, payload: Bytes) {
        if let Err(err) = self.client.publish(subject, payload).await {
            tracing::warn!(%err, subject, "notification not sent");
        }
    }

    /// Subscribes to `subject`.
    pub async fn listen(&self, subject: &'static str) -> Result<Notifications, ListenError> {
        let subscriber = self.client.subscribe(subject).await.map_err(ListenError)?;
        // The broker must know of the subscription before anything relevant is published.
        self.flush().await;
        Ok(Notifications(subscriber))
    }

    /// Waits until the broker has processed everything that was sent so far, like `Flush` of the Go
    /// client, for at most 2 s: it processes nothing while disconnected. The client library's own flush
    /// only waits until it has been written to the socket.
    pub async fn flush(&self) {
        let mut echo = self.replies.register();
        let round_trip = async {
            match echo.send_to_itself().await {
                Ok(()) => drop(echo.next_reply().await),
                Err(err) => tracing::warn!(%err, "flush failed"),
            }
        };
        if tokio::time::timeout(FLUSH_TIMEOUT, round_trip).await.is_err() {
            tracing::warn!("flush timed out");
        }
    }
}

fn options(
    access: &BrokerAccess,
    name: &str,
    events: &BrokerEvents,
) -> Result<ConnectOptions, ConnectError> {
    let events = events.clone();
    let options = match (&access.key_file, broker_user(&access.urls)) {
        (Some(file), _) => role_key::connect_options(file)?,
        (None, Some((user, password))) => ConnectOptions::with_user_and_password(user, password),
        (None, None) => ConnectOptions::new(),
    };
    let options = match &access.ca_file {
        Some(file) => {
            // The client library reads it for each connection, and would try for 30 s.
            let unusable = |source| ConnectError::CaFile { file: file.clone(), source };
            read_ca_file(file).map_err(unusable)?;
            options.require_tls(true).add_root_certificates(file.clone())
        }
        None => options,
    };
    let options = options
        .name(name)
        .connection_timeout(CONNECT_ATTEMPT_TIMEOUT)
        .ping_interval(PING_INTERVAL)
        .reconnect_delay_callback(|_| reconnect_delay())
        .event_callback(move |event| {
            events.handle(&event);
            ready(())
        });
    Ok(options)
}

/// Whether the certificate of a broker was refused.
fn is_untrusted(error: &async_nats::ConnectError) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let tls = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>());
        if matches!(tls, Some(rustls::Error::InvalidCertificate(_))) {
            return true;
        }
        cause = error.source();
    }
    false
}

fn reconnect_delay() -> Duration {
    rand::rng().random_range(RECONNECT_DELAY_MIN..=RECONNECT_DELAY_MAX)
}
