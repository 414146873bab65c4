//! Stages that hand messages on, without the work of any stage: what brokers take for it.

use bytes::Bytes;

use super::{PATIENCE, YardstickError, config};
use crate::{Connection, Outgoing, Profile, PublishError, Publisher, Puller, Source, Topology};

/// Where the messages of a relay's stages are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// All in one stream, as orders are.
    OneStream,
    /// Those of each stage in a stream of its own.
    StreamForEachStage,
}

/// Stages that hand messages on, and a connection of its own to them. Cheap to clone.
#[derive(Clone)]
pub struct Relay {
    connection: Connection,
    publisher: Publisher,
    profile: Profile,
    layout: Layout,
}

/// One for each event on the way of an order that all goes well with.
const STREAMS: [&str; Relay::STAGES] = ["RELAY_1", "RELAY_2", "RELAY_3", "RELAY_4"];
/// As the workers ask for.
const RECORDS_AHEAD: usize = 1_024;

impl Relay {
    /// How many stages it has.
    pub const STAGES: usize = 4;

    /// Creates the streams with the replicas and the storage that orders have under `profile`.
    pub async fn create(
        urls: &str,
        profile: Profile,
        layout: Layout,
    ) -> Result<Self, YardstickError> {
        let connection = Connection::open(urls, "relay").await?;
        let publisher = Publisher::new(connection.clone());
        let relay = Self { connection, publisher, profile, layout };
        for stream in relay.streams() {
            let stages = (0..Self::STAGES).filter(|stage| relay.stream(*stage) == *stream);
            let config = config(stream, stages.map(subject).collect(), profile);
            let created = relay.connection.jetstream.create_stream(config).await;
            created.map_err(|err| YardstickError::Refused(err.into()))?;
        }
        Ok(relay)
    }

    /// Stores a message of `stage`. No two may be the same bytes, whatever their stages.
    pub async fn store(&self, stage: usize, payload: Bytes) -> Result<(), PublishError> {
        let message = Outgoing::identified(subject(stage), payload);
        self.publisher.publish(&message, PATIENCE).await.map(drop)
    }

    /// The messages of `stage`, by a durable like that of a worker's step.
    pub async fn puller(&self, stage: usize) -> Result<Puller, YardstickError> {
        let source = Source {
            stream: self.stream(stage),
            durable: format!("relay-{stage}"),
            subjects: vec![subject(stage)],
        };
        let durable = Topology::new(self.profile).durable(&source);
        let created = self.connection.jetstream.create_consumer_on_stream(durable, source.stream);
        created.await.map_err(|err| YardstickError::Refused(err.into()))?;
        Ok(Puller::new(self.connection.clone(), source, RECORDS_AHEAD))
    }

    /// Removes the streams with all that is in them.
    pub async fn remove(self) -> Result<(), YardstickError> {
        for stream in self.streams() {
            let removed = self.connection.jetstream.delete_stream(stream).await;
            removed.map_err(|err| YardstickError::Refused(err.into()))?;
        }
        Ok(())
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
    format!("relay.{stage}")
}
