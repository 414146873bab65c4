//! Brokers under strace, and an edge before them.

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use edge::{Config, EdgeError};
use futures_util::future::join_all;
use lab::order_client::{OrderClient, PlacementResult, new_run};
use lab::reaper::Reaper;
use lab::servers::{RunFolder, SearchPaths, Servers, StartServers, Tracer};
use orders::SigningKeys;
use streams::{BatchConfig, BrokersConfig, Connection, Profile, Topology, ensure_topology};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;

use super::fsync_proof::Broker;

/// Longer than anything here takes on a busy machine, where each call stops for strace.
const DEADLINE: Duration = Duration::from_mins(2);
/// At the same time: their orders share batches, each of which stays below the 8 KiB from which on
/// brokers compress what they write.
const BUYERS: usize = 16;
/// Of each buyer, one after the other.
const ORDERS: usize = 12;
const ORDER: &str =
    r#"{"currency":"GBP","lines":[{"sku":"85123A","quantity":6,"unit_price":255}]}"#;
const SECRET: &str = "the secret of the tests";

/// Traced brokers with an edge, and Redis and PostgreSQL, which are not traced.
pub(crate) struct Traced {
    servers: Servers,
    folder: RunFolder,
    edge_url: String,
    stop: oneshot::Sender<()>,
    edge: JoinHandle<Result<(), EdgeError>>,
}

impl Traced {
    pub(crate) async fn start(profile: Profile) -> Self {
        let reaper = Reaper::start(Path::new(env!("CARGO_BIN_EXE_millrace-lab"))).unwrap();
        let folder = RunFolder::create(&reaper).unwrap();
        let search_paths = SearchPaths::from_environment();
        let start = StartServers {
            folder: folder.path().to_path_buf(),
            profile,
            partitionable: false,
            reaper,
            search_paths: search_paths.clone(),
            tell: Arc::new(|_: &str| {}),
        };
        let mut servers = Servers::start(start).await.unwrap();
        let tracer =
            spawn_blocking(move || Tracer::find_or_download(&search_paths, &|_| {})).await.unwrap();
        let tracer = tracer.unwrap();
        let brokers = &mut servers.brokers;
        brokers.stop().await.unwrap();
        for broker in &mut brokers.servers {
            let record = record(&folder, broker.name());
            broker.trace(&tracer, &record);
        }
        brokers.start().await.unwrap();
        for broker in &brokers.servers {
            // A broker that is in step has written to its logs.
            let recorded = std::fs::metadata(record(&folder, broker.name()));
            assert!(
                recorded.is_ok_and(|recorded| recorded.len() > 0),
                "strace records nothing of {}, so nothing can be shown: is ptrace permitted here? \
                 In a container it may take --cap-add SYS_PTRACE.",
                broker.name()
            );
        }
        let connection = Connection::open(&brokers.url(), "test").await.unwrap();
        ensure_topology(&connection, &Topology::new(profile)).await.unwrap();
        let config = Config {
            listen: "127.0.0.1:0".parse().unwrap(),
            cores: NonZeroUsize::MIN,
            brokers: BrokersConfig { nats_url: brokers.url(), profile },
            batch: BatchConfig { max_batch: BUYERS },
            redis_url: servers.redis.url().to_owned(),
            secrets: secrets(),
            backlog_max_age: Duration::from_mins(10),
        };
        let ((bound, address), (stop, stopped)) = (oneshot::channel(), oneshot::channel::<()>());
        let edge = tokio::spawn(edge::run(config, |address| bound.send(address).unwrap(), async {
            stopped.await.ok();
        }));
        let edge_url = format!("http://{}", timeout(DEADLINE, address).await.unwrap().unwrap());
        Self { servers, folder, edge_url, stop, edge }
    }

    /// Places orders, all of which are acknowledged, and tells of each its id and when its 202 had
    /// arrived, in microseconds since 1970.
    pub(crate) async fn place_orders(&self) -> Vec<(String, u64)> {
        let checkout = OrderClient::new(std::slice::from_ref(&self.edge_url), DEADLINE);
        let run = new_run();
        let buyer = async |buyer: usize| {
            let mut acknowledged = Vec::new();
            for number in 0..ORDERS {
                let key = format!("{run}-{buyer}-{number}");
                let answer = checkout.place(0, key, Bytes::from(ORDER)).await.unwrap();
                let at = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_micros() as u64;
                let PlacementResult::Accepted(entry, _) = answer else { panic!("{answer:?}") };
                let id = secrets().verify(&entry.order_id).unwrap().id();
                acknowledged.push((id.to_string(), at));
            }
            acknowledged
        };
        let acknowledged = join_all((0..BUYERS).map(buyer)).await.concat();
        let ids: HashSet<_> = acknowledged.iter().map(|(id, _)| id).collect();
        assert_eq!(ids.len(), BUYERS * ORDERS);
        acknowledged
    }

    /// Stops everything and reads what was recorded of each broker.
    pub(crate) async fn stop(mut self) -> Vec<Broker> {
        self.stop.send(()).unwrap();
        timeout(DEADLINE, self.edge).await.unwrap().unwrap().unwrap();
        self.servers.stop().await.unwrap();
        let brokers = &self.servers.brokers.servers;
        let records = brokers.iter().map(|broker| record(&self.folder, broker.name()));
        records.map(|file| Broker::read(&std::fs::read_to_string(file).unwrap())).collect()
    }
}

/// Where the system calls of a broker are recorded.
fn record(folder: &RunFolder, broker: &str) -> PathBuf {
    folder.path().join(format!("{broker}.calls"))
}

fn secrets() -> SigningKeys {
    SigningKeys::new(SECRET, [])
}
