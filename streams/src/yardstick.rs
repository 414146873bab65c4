//! A stream like that of orders which nobody reads: what the brokers themselves can store, for
//! benchmarks to compare with.

mod relay;

use std::time::Duration;

use async_nats::jetstream::stream::{Config, StorageType};
use bytes::Bytes;
use thiserror::Error;

use crate::{ConnectError, Connection, Outgoing, Profile, PublishError, Publisher};
pub use relay::{Layout, Relay};

const NAME: &str = "YARDSTICK";
const SUBJECT: &str = "yardstick";
/// With thousands of messages in the air a broker takes a second or two.
const PATIENCE: Duration = Duration::from_secs(10);
/// As for orders: ids are remembered at a price.
const DUPLICATE_WINDOW: Duration = Duration::from_mins(2);

/// The stream, and a connection of its own to it. Cheap to clone.
#[derive(Clone)]
pub struct Yardstick {
    connection: Connection,
    publisher: Publisher,
}

/// The stream is not there.
#[derive(Debug, Error)]
pub enum YardstickError {
    /// No broker.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The broker did not take it, or did not remove it.
    #[error("the broker did not take the yardstick")]
    Refused(#[source] async_nats::Error),
}

impl Yardstick {
    /// Creates the stream with the replicas and the storage that orders have under `profile`.
    pub async fn create(urls: &str, profile: Profile) -> Result<Self, YardstickError> {
        let connection = Connection::open(urls, "yardstick").await?;
        let config = config(NAME, vec![SUBJECT.to_owned()], profile);
        let created = connection.jetstream.create_stream(config).await;
        created.map_err(|err| YardstickError::Refused(err.into()))?;
        Ok(Self { publisher: Publisher::new(connection.clone()), connection })
    }

    /// Stores one message, as a batch of orders is stored.
    pub async fn store(&self, payload: Bytes) -> Result<(), PublishError> {
        let message = Outgoing::identified(SUBJECT.to_owned(), payload);
        self.publisher.publish(&message, PATIENCE).await.map(drop)
    }

    /// Removes the stream with all that is in it.
    pub async fn remove(self) -> Result<(), YardstickError> {
        let removed = self.connection.jetstream.delete_stream(NAME).await;
        removed.map(drop).map_err(|err| YardstickError::Refused(err.into()))
    }
}

fn config(name: &str, subjects: Vec<String>, profile: Profile) -> Config {
    Config {
        name: name.to_owned(),
        subjects,
        storage: StorageType::File,
        num_replicas: profile.brokers(),
        duplicate_window: DUPLICATE_WINDOW,
        ..Config::default()
    }
}
