//! Brokers under strace, and an edge that uses them.

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use edge::{Config, EdgeError, IdentityConfig, QuotaConfig, TlsConfig};
use futures_util::future::join_all;
use lab::order_client::{OrderClient, PlacementResult, new_key_prefix};
use lab::servers::{RunFolder, SearchPaths, Tracer};
use millrace::edge_connector::EdgeAuthorities;
use millrace::keys::Role;
use orders::{CallerName, SigningKeys};
use streams::{BatchConfig, BrokersConfig, Connection, Profile, Topology, ensure_topology};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;
use workers::stages::{self, FIRST_STEP};

use super::fsync_proof::BrokerTrace;
use crate::test_servers::TestServers;

/// Longer than any step takes on a busy machine, although each system call stops for strace.
const DEADLINE: Duration = Duration::from_mins(2);
/// Concurrent clients: their orders share batches, each of which stays below 8 KiB: above that,
/// brokers compress what they write.
const CLIENTS: usize = 16;
/// Orders of each client, one after the other.
const ORDERS: usize = 12;
const ORDER: &str = r#"{"currency":"GBP","lines":[{"sku":"85123A","quantity":6,"unit_price":255}],"payment":{"token":"tok_visa"}}"#;
const SECRET: &str = "the secret of the tests";

/// Traced brokers with an edge, and Redis and PostgreSQL, which are not traced.
pub(crate) struct TracedCluster {
    servers: TestServers,
    edge_url: String,
    stop: oneshot::Sender<()>,
    edge: JoinHandle<Result<(), EdgeError>>,
}

impl TracedCluster {
    pub(crate) async fn start(profile: Profile) -> Self {
        let mut servers = TestServers::start(profile).await;
        let search_paths = SearchPaths::from_environment();
        let tracer =
            spawn_blocking(move || Tracer::find_or_download(&search_paths, &|_| {})).await.unwrap();
        let tracer = tracer.unwrap();
        let brokers = &mut servers.processes.brokers;
        brokers.stop().await.unwrap();
        for broker in &mut brokers.servers {
            let record = record(&servers.folder, broker.name());
            broker.trace(&tracer, &record);
        }
        brokers.start().await.unwrap();
        for broker in &brokers.servers {
            // A broker that has started has written to its logs.
            let recorded = std::fs::metadata(record(&servers.folder, broker.name()));
            assert!(
                recorded.is_ok_and(|recorded| recorded.len() > 0),
                "strace has no record of {}: is ptrace permitted here? \
                 A container may need --cap-add SYS_PTRACE.",
                broker.name()
            );
        }
        let connection = Connection::open(&brokers.access(Role::Lab), "test").await.unwrap();
        ensure_topology(&connection, &Topology::new(profile), &stages::steps()).await.unwrap();
        let config = Config {
            listen: "127.0.0.1:0".parse().unwrap(),
            cores: NonZeroUsize::MIN,
            brokers: BrokersConfig::new(brokers.access(Role::Edge), profile),
            batch: BatchConfig { max_batch: CLIENTS },
            redis: servers.processes.edge_redis(),
            webhook_secrets: None,
            cors_origins: None,
            identity: IdentityConfig::none(),
            quota: QuotaConfig::new(),
            secrets: signing_keys(),
            backlog_max_age: Duration::from_mins(10),
            tls: TlsConfig::default(),
            drain_delay: None,
        };
        let (bound, address) = oneshot::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let edge = tokio::spawn(edge::run(
            config,
            FIRST_STEP,
            |address| bound.send(address).unwrap(),
            async {
                stopped.await.ok();
            },
        ));
        let edge_url = format!("http://{}", timeout(DEADLINE, address).await.unwrap().unwrap());
        Self { servers, edge_url, stop, edge }
    }

    /// Places orders, all of which are acknowledged, and returns the id of each and the time at
    /// which its 202 had arrived, in microseconds since 1970.
    pub(crate) async fn place_orders(&self) -> Vec<(String, u64)> {
        let client = OrderClient::new(
            std::slice::from_ref(&self.edge_url),
            &EdgeAuthorities::default(),
            DEADLINE,
        );
        let client = client.unwrap();
        let run = new_key_prefix();
        let place_orders = async |client_number: usize| {
            let mut acknowledged = Vec::new();
            for number in 0..ORDERS {
                let key = format!("{run}-{client_number}-{number}");
                let result = client.place(0, key, Bytes::from(ORDER)).await.unwrap();
                let at = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_micros() as u64;
                let PlacementResult::Accepted(entry, _) = result else { panic!("{result:?}") };
                let id = signing_keys().verify(&entry.order_id, &CallerName::PUBLIC).unwrap().id();
                acknowledged.push((id.to_string(), at));
            }
            acknowledged
        };
        let acknowledged = join_all((0..CLIENTS).map(place_orders)).await.concat();
        let ids: HashSet<_> = acknowledged.iter().map(|(id, _)| id).collect();
        assert_eq!(ids.len(), CLIENTS * ORDERS);
        acknowledged
    }

    /// Stops all processes, and reads the record of each broker.
    pub(crate) async fn stop(mut self) -> Vec<BrokerTrace> {
        self.stop.send(()).unwrap();
        timeout(DEADLINE, self.edge).await.unwrap().unwrap().unwrap();
        self.servers.processes.stop().await.unwrap();
        let brokers = &self.servers.processes.brokers.servers;
        let records = brokers.iter().map(|broker| record(&self.servers.folder, broker.name()));
        records.map(|file| BrokerTrace::read(&std::fs::read_to_string(file).unwrap())).collect()
    }
}

/// The file with strace's record of a broker.
fn record(folder: &RunFolder, broker: &str) -> PathBuf {
    folder.path().join(format!("{broker}.calls"))
}

fn signing_keys() -> SigningKeys {
    SigningKeys::new(SECRET, [])
}
