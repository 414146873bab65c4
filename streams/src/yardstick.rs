//! Streams like that of orders, without the work of any stage: what the brokers themselves can store
//! and hand on, for benchmarks to compare with.

use std::time::Duration;

use async_nats::jetstream::stream::{Config, StorageType};
use bytes::Bytes;
use thiserror::Error;

use crate::{
    ConnectError, Connection, Fetcher, OutboundMessage, Profile, PublishError, Publisher, Source,
    Topology,
};

/// One for each stage.
const STREAMS: [&str; BrokerBaseline::STAGES] =
    ["YARDSTICK_1", "YARDSTICK_2", "YARDSTICK_3", "YARDSTICK_4"];
/// With thousands of messages in the air a broker takes a second or two.
const PATIENCE: Duration = Duration::from_secs(10);
/// As for orders: ids are remembered at a price.
const DUPLICATE_WINDOW: Duration = Duration::from_mins(2);

/// The streams, and a connection of its own to them. Cheap to clone.
#[derive(Clone)]
pub struct BrokerBaseline {
    connection: Connection,
    publisher: Publisher,
    profile: Profile,
    layout: Layout,
}

/// Where the messages of the stages are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// All in one stream, as orders are.
    OneStream,
    /// Those of each stage in a stream of its own.
    StreamForEachStage,
}

/// The streams are not there.
#[derive(Debug, Error)]
pub enum BrokerBaselineError {
    /// No broker.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The broker did not take it, or did not remove it.
    #[error("the broker did not take the yardstick")]
    Refused(#[source] async_nats::Error),
}

impl BrokerBaseline {
    /// How many stages there are: one for each event on the way of an order that all goes well with.
    pub const STAGES: usize = 4;

    /// Creates the streams with the replicas and the storage that orders have under `profile`.
    pub async fn create(
        urls: &str,
        profile: Profile,
        layout: Layout,
    ) -> Result<Self, BrokerBaselineError> {
        let connection = Connection::open(urls, "yardstick").await?;
        let publisher = Publisher::new(connection.clone());
        let yardstick = Self { connection, publisher, profile, layout };
        for stream in yardstick.streams() {
            let created = yardstick.connection.jetstream.create_stream(yardstick.config(stream));
            created.await.map_err(|err| BrokerBaselineError::Refused(err.into()))?;
        }
        Ok(yardstick)
    }

    /// Stores one message of `stage`, as a batch of orders is stored. No two may be the same bytes,
    /// whatever their stages.
    pub async fn store(&self, stage: usize, payload: Bytes) -> Result<(), PublishError> {
        let message = OutboundMessage::with_dedup_id(subject(stage), payload);
        self.publisher.publish(&message, PATIENCE).await.map(drop)
    }

    /// The messages of `stage`, by a durable like that of a worker's step.
    pub async fn puller(&self, stage: usize) -> Result<Fetcher, BrokerBaselineError> {
        let source = Source {
            stream: self.stream(stage),
            durable: format!("yardstick-{stage}"),
            subjects: vec![subject(stage)],
        };
        let durable = Topology::new(self.profile).durable(&source);
        let created = self.connection.jetstream.create_consumer_on_stream(durable, source.stream);
        created.await.map_err(|err| BrokerBaselineError::Refused(err.into()))?;
        Ok(Fetcher::new(self.connection.clone(), source))
    }

    /// Removes the streams with all that is in them.
    pub async fn remove(self) -> Result<(), BrokerBaselineError> {
        for stream in self.streams() {
            let removed = self.connection.jetstream.delete_stream(stream).await;
            removed.map_err(|err| BrokerBaselineError::Refused(err.into()))?;
        }
        Ok(())
    }

    fn config(&self, stream: &str) -> Config {
        let stages = (0..Self::STAGES).filter(|stage| self.stream(*stage) == stream);
        Config {
            name: stream.to_owned(),
            subjects: stages.map(subject).collect(),
            storage: StorageType::File,
            num_replicas: self.profile.brokers(),
            duplicate_window: DUPLICATE_WINDOW,
            ..Config::default()
        }
    }

    const fn streams(&self) -> &'static [&'static str] {
        match self.layout {
            Layout::OneStream => STREAMS.split_at(1).0,
            Layout::StreamForEachStage => &STREAMS,
        }
    }

    const fn stream(&self, stage: usize) -> &'static str {
        match self.layout {
            Layout::OneStream => STREAMS[0],
            Layout::StreamForEachStage => STREAMS[stage],
        }
    }
}

fn subject(stage: usize) -> String {
    format!("yardstick.{stage}")
}
