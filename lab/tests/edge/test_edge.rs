//! Edges that run in the test's process, and what they have published.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use edge::{Config, EdgeError, IdentityConfig, QuotaConfig, TlsConfig};
use millrace::keys::Role;
use orders::{CallerName, OrderId, SigningKeys};
use streams::batch::RECORDS_MAX;
use streams::{
    BatchConfig, BrokersConfig, Connection, LanesReplay, Profile, RequestStream, Topology,
    WorkerState, ensure_topology, lane_ends,
};
use tokio::process::Command;
use tokio::sync::{OnceCell, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use workers::inventory;
use workers::stages::{self, FIRST_STEP};

use super::raw_http::RawHttp;
use crate::program::program;
use crate::test_servers::TestServers;
use crate::time_limit::TimeLimit;

/// Longer than any step of these tests takes on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);

const SECRET: &str = "the secret of the tests";

/// A running edge.
pub(crate) struct TestEdge {
    pub(crate) address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), EdgeError>>,
    _time_limit: TimeLimit,
}

impl TestServers {
    /// Servers with one broker and its streams, which the test may stop.
    pub(crate) async fn start_with_streams() -> Self {
        Self::start_profile(Profile::Single).await
    }

    /// The same with three brokers.
    pub(crate) async fn start_durable() -> Self {
        Self::start_profile(Profile::Durable).await
    }

    async fn start_profile(profile: Profile) -> Self {
        let servers = Self::start(profile).await;
        servers.create_streams().await;
        servers
    }

    /// The servers of all tests that stop no server and answer no lookups. The reaper stops them.
    pub(crate) async fn shared() -> &'static Self {
        static SHARED: OnceCell<TestServers> = OnceCell::const_new();
        let start = async || Self::start_with_streams().await.without_time_limit();
        SHARED.get_or_init(start).await
    }

    pub(crate) async fn create_streams(&self) {
        let topology = Topology::new(self.profile);
        ensure_topology(&self.connect().await, &topology, &stages::steps()).await.unwrap();
    }

    /// The test's own connection to the brokers.
    pub(crate) async fn connect(&self) -> Connection {
        Connection::open(&self.processes.brokers.access(Role::Lab), "test").await.unwrap()
    }

    /// The requests on `subject`, which edges send to the workers.
    pub(crate) async fn worker_requests(&self, subject: &'static str) -> RequestStream {
        let connection = self.connect().await;
        let service =
            connection.register_worker(inventory::POOL, Profile::Single, WorkerState::default);
        let requests = service.await.unwrap().requests(subject).await.unwrap();
        connection.flush().await;
        requests
    }

    /// An edge with one core and the default batch size.
    pub(crate) async fn start_edge(&self) -> TestEdge {
        self.start_edge_with(1, 256).await
    }

    pub(crate) async fn start_edge_with(&self, cores: usize, max_batch: usize) -> TestEdge {
        let mut config = self.config(self.profile);
        config.cores = NonZeroUsize::new(cores).unwrap();
        config.batch.max_batch = max_batch;
        TestEdge::start(config).await
    }

    /// The configuration of an edge that claims `profile`.
    pub(crate) fn config(&self, profile: Profile) -> Config {
        Config {
            listen: "127.0.0.1:0".parse().unwrap(),
            cores: NonZeroUsize::MIN,
            brokers: BrokersConfig::new(self.processes.brokers.access(Role::Edge), profile),
            batch: BatchConfig { max_batch: RECORDS_MAX },
            redis: self.processes.edge_redis(),
            webhook_secrets: None,
            cors_origins: None,
            identity: IdentityConfig::none(),
            quota: QuotaConfig::new(),
            secrets: signing_keys(),
            backlog_max_age: Duration::from_mins(10),
            tls: TlsConfig::default(),
            drain_delay: None,
        }
    }

    /// The process `millrace edge` on a free port, which it logs.
    pub(crate) fn edge_command(&self, profile: Profile) -> Command {
        let mut edge = program(["edge", "--listen", "127.0.0.1:0", "--profile", profile.as_str()]);
        let redis = self.processes.edge_redis();
        edge.envs(self.processes.brokers.environment(Role::Edge))
            .env("REDIS_URL", redis.redis_url)
            .env("REDIS_CA_FILE", redis.redis_ca_file.unwrap())
            .env("MILLRACE_SECRETS", SECRET)
            .env("MILLRACE_IDENTITY", "none");
        edge
    }

    /// The events in the lanes, batch by batch.
    pub(crate) async fn stored_batches(&self) -> Vec<Vec<serde_json::Value>> {
        let connection = self.connect().await;
        let mut batches = Vec::new();
        let read = async {
            let ends = lane_ends(&connection).await.unwrap();
            LanesReplay::read_until(&connection, &ends, |message| {
                let events = message.lines.iter().map(|line| serde_json::from_slice(line).unwrap());
                batches.push(events.collect());
            })
            .await
        };
        timeout(DEADLINE, read).await.unwrap().unwrap();
        batches
    }

    /// The stored events of one order.
    pub(crate) async fn stored_events_of(&self, id: OrderId) -> Vec<serde_json::Value> {
        let mut events = self.stored_batches().await.concat();
        events.retain(|event| event["order_id"] == id.to_string());
        events
    }
}

impl TestEdge {
    pub(crate) async fn start(config: Config) -> Self {
        let (bound, address) = oneshot::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(edge::run(
            config,
            FIRST_STEP,
            |address| bound.send(address).unwrap(),
            async {
                stopped.await.ok();
            },
        ));
        Self { address: address.await.unwrap(), stop, task, _time_limit: TimeLimit::start() }
    }

    /// A new connection to the edge.
    pub(crate) async fn connect(&self) -> RawHttp {
        RawHttp::connect(self.address).await
    }

    /// Requests a shutdown and returns at once.
    pub(crate) fn start_drain(self) -> JoinHandle<Result<(), EdgeError>> {
        self.stop.send(()).unwrap();
        self.task
    }

    /// Shuts the edge down gracefully and waits for its end.
    pub(crate) async fn stop(self) {
        timeout(DEADLINE, self.start_drain()).await.unwrap().unwrap().unwrap();
    }
}

/// The keys with which every edge of these tests signs order ids.
pub(crate) fn signing_keys() -> SigningKeys {
    SigningKeys::new(SECRET, [])
}

/// The id in the body of a 202.
pub(crate) fn order_id(body: &serde_json::Value) -> OrderId {
    signing_keys().verify(body["order_id"].as_str().unwrap(), &CallerName::PUBLIC).unwrap().id()
}

/// An idempotency key that no other order of this run has.
pub(crate) fn fresh_key() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}
