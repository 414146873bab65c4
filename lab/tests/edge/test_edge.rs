//! Servers, and edges before them.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use edge::{Config, EdgeError};
use lab::reaper::Reaper;
use lab::servers::{RunFolder, SearchPaths, Servers, StartServers};
use orders::{OrderId, SigningKeys};
use streams::batch::RECORDS_MAX;
use streams::names::ORDERS;
use streams::{
    BatchConfig, BrokersConfig, Connection, Profile, Replay, Topology, ensure_topology,
    stream_state,
};
use tokio::sync::{OnceCell, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::raw_http::Talk;

/// Longer than anything here takes on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);

/// Brokers, Redis and PostgreSQL, with nobody who works.
pub(crate) struct House {
    pub(crate) servers: Servers,
    profile: Profile,
    _folder: RunFolder,
}

/// A running edge.
pub(crate) struct Door {
    pub(crate) address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<Result<(), EdgeError>>,
}

impl House {
    /// A house whose servers the test may stop.
    pub(crate) async fn start() -> Self {
        let house = Self::start_empty().await;
        house.make_streams().await;
        house
    }

    /// A house with one broker and without streams.
    pub(crate) async fn start_empty() -> Self {
        Self::start_empty_of(Profile::Single).await
    }

    /// A house without streams.
    pub(crate) async fn start_empty_of(profile: Profile) -> Self {
        let reaper = Reaper::start(Path::new(env!("CARGO_BIN_EXE_millrace-lab"))).unwrap();
        let folder = RunFolder::create(&reaper).unwrap();
        let start = StartServers {
            folder: folder.path().to_path_buf(),
            profile,
            partitionable: false,
            reaper,
            search_paths: SearchPaths::from_environment(),
            tell: Arc::new(|_: &str| {}),
        };
        Self { servers: Servers::start(start).await.unwrap(), profile, _folder: folder }
    }

    /// The house of all tests that stop nothing and answer no questions. The reaper stops it.
    pub(crate) async fn shared() -> &'static Self {
        static SHARED: OnceCell<House> = OnceCell::const_new();
        SHARED.get_or_init(Self::start).await
    }

    pub(crate) async fn make_streams(&self) {
        let topology = Topology::new(self.profile);
        ensure_topology(&self.connect().await, &topology).await.unwrap();
    }

    /// A way to the broker of the test's own.
    pub(crate) async fn connect(&self) -> Connection {
        Connection::open(&self.servers.brokers.url(), "test").await.unwrap()
    }

    /// An edge with the usual settings.
    pub(crate) async fn open_door(&self) -> Door {
        self.open_door_with(1, 256).await
    }

    pub(crate) async fn open_door_with(&self, cores: usize, max_batch: usize) -> Door {
        let mut config = self.config(self.profile);
        config.cores = NonZeroUsize::new(cores).unwrap();
        config.batch.max_batch = max_batch;
        Door::open(config).await
    }

    /// What an edge is told that claims `profile`.
    pub(crate) fn config(&self, profile: Profile) -> Config {
        Config {
            listen: "127.0.0.1:0".parse().unwrap(),
            cores: NonZeroUsize::MIN,
            brokers: BrokersConfig { nats_url: self.servers.brokers.url(), profile },
            batch: BatchConfig { max_batch: RECORDS_MAX },
            redis_url: self.servers.redis.url().to_owned(),
            secrets: secrets(),
            backlog_max_age: Duration::from_mins(10),
        }
    }

    /// The created events in the stream, batch by batch.
    pub(crate) async fn created(&self) -> Vec<Vec<serde_json::Value>> {
        let connection = self.connect().await;
        let end = stream_state(&connection, ORDERS).await.unwrap().last_sequence;
        let mut replay = Replay::from_start(&connection, ORDERS).await.unwrap();
        let mut batches = Vec::new();
        loop {
            let message = timeout(DEADLINE, replay.next()).await.unwrap().unwrap();
            let lines = message.lines.iter().map(|line| serde_json::from_slice(line).unwrap());
            batches.push(lines.collect());
            if message.sequence >= end {
                return batches;
            }
        }
    }

    /// The created events of one order.
    pub(crate) async fn created_under(&self, id: OrderId) -> Vec<serde_json::Value> {
        let mut events = self.created().await.concat();
        events.retain(|event| event["order_id"] == id.to_string());
        events
    }
}

impl Door {
    pub(crate) async fn open(config: Config) -> Self {
        let (bound, address) = oneshot::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let ended =
            tokio::spawn(edge::run(config, |address| bound.send(address).unwrap(), async {
                stopped.await.ok();
            }));
        Self { address: address.await.unwrap(), stop, ended }
    }

    pub(crate) async fn talk(&self) -> Talk {
        Talk::start(self.address).await
    }

    /// Asks the edge to end, and goes on at once.
    pub(crate) fn start_drain(self) -> JoinHandle<Result<(), EdgeError>> {
        self.stop.send(()).unwrap();
        self.ended
    }

    /// Ends the edge in order.
    pub(crate) async fn close(self) {
        timeout(DEADLINE, self.start_drain()).await.unwrap().unwrap().unwrap();
    }
}

/// What every edge here proves ids with.
pub(crate) fn secrets() -> SigningKeys {
    SigningKeys::new("the secret of the tests", [])
}

/// The id in the body of a 202.
pub(crate) fn order_id(body: &serde_json::Value) -> OrderId {
    secrets().verify(body["order_id"].as_str().unwrap()).unwrap().id()
}

/// A key that no other order of this run has.
pub(crate) fn fresh_key() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}
