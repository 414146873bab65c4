//! Streams like that of orders, without any processing: what the brokers alone can store and
//! deliver, as a baseline for benchmarks.

use async_nats::jetstream::stream::{Config, StorageType};
use bytes::Bytes;
use thiserror::Error;

use crate::limits::{BASELINE_PUBLISH_TIMEOUT, DUPLICATE_WINDOW};
use crate::outbound::Destination;
use crate::{
    BrokerAccess, ConnectError, Connection, Durable, Fetcher, OutboundMessage, Profile,
    PublishError, Publisher, Topology,
};

/// One stream for each stage.
const STREAMS: [&str; BrokerBaseline::STAGES] =
    ["BASELINE_1", "BASELINE_2", "BASELINE_3", "BASELINE_4"];
/// The streams, with a dedicated connection to them. Cheap to clone.
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
    /// A separate stream for each stage.
    StreamForEachStage,
}

/// Creating or removing the streams failed.
#[derive(Debug, Error)]
pub enum BrokerBaselineError {
    /// No connection to a broker.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The broker rejected the creation or the removal of a stream or consumer.
    #[error("the broker rejected the baseline streams")]
    Refused(#[source] async_nats::Error),
}

impl BrokerBaseline {
    /// The number of stages: one for each event of an order that is fulfilled without incident.
    pub const STAGES: usize = 4;

    /// Creates the streams, with the replicas and the storage of the orders stream under `profile`.
    pub async fn create(
        access: &BrokerAccess,
        profile: Profile,
        layout: Layout,
    ) -> Result<Self, BrokerBaselineError> {
        let connection = Connection::open(access, "broker baseline").await?;
        let publisher = Publisher::new(connection.clone());
        let baseline = Self { connection, publisher, profile, layout };
        for stream in baseline.streams() {
            let created = baseline.connection.jetstream.create_stream(baseline.config(stream));
            created.await.map_err(|err| BrokerBaselineError::Refused(err.into()))?;
        }
        Ok(baseline)
    }

    /// Stores one message of `stage`, in the same way as a batch of orders. No two messages may
    /// have the same bytes, even in different stages.
    pub async fn store(&self, stage: usize, payload: Bytes) -> Result<(), PublishError> {
        let destination = Destination::Stream(self.stream(stage), subject(stage));
        let message = OutboundMessage::with_dedup_id(destination, payload);
        self.publisher.publish(&message, BASELINE_PUBLISH_TIMEOUT).await.map(drop)
    }

    /// Fetches the messages of `stage`, through a durable like that of a worker's step.
    pub async fn puller(&self, stage: usize) -> Result<Fetcher, BrokerBaselineError> {
        let durable = Durable {
            stream: self.stream(stage),
            name: format!("baseline-{stage}"),
            subjects: vec![subject(stage)],
        };
        let config = Topology::new(self.profile).durable(&durable);
        let created = self.connection.jetstream.create_consumer_on_stream(config, durable.stream);
        created.await.map_err(|err| BrokerBaselineError::Refused(err.into()))?;
        Ok(Fetcher::of_durable(self.connection.clone(), durable))
    }

    /// Deletes the streams and their messages.
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
    format!("baseline.{stage}")
}
