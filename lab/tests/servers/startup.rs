//! The state of the servers after their start, and after their stop.

use millrace::keys::Role;
use serde_json::json;
use streams::{Connection, Profile, Topology, ensure_topology};
use workers::database::connect;
use workers::stages;

use crate::raw_nats::RawNats;
use crate::test_servers::TestServers;

async fn assert_starts_and_stops(profile: Profile) {
    let mut servers = TestServers::start(profile).await;
    assert_eq!(servers.processes.brokers.servers.len(), profile.brokers());

    let connection =
        Connection::open(&servers.processes.brokers.access(Role::Lab), "test").await.unwrap();
    ensure_topology(&connection, &Topology::new(profile), &stages::steps()).await.unwrap();

    let redis = servers.processes.admin_redis().client().unwrap();
    let mut redis = redis.get_multiplexed_async_connection().await.unwrap();
    let reply: String = redis::cmd("PING").query_async(&mut redis).await.unwrap();
    assert_eq!(reply, "PONG");

    let (postgres, session) = connect(servers.processes.postgres.url()).await.unwrap();
    for (setting, value) in [("fsync", "on"), ("synchronous_commit", "on")] {
        let row = postgres.query_one(&format!("SHOW {setting}"), &[]).await.unwrap();
        assert_eq!(row.get::<_, &str>(0), value, "{setting}");
    }
    drop(postgres);
    session.await.unwrap();

    servers.processes.stop().await.unwrap();
    assert!(servers.processes.brokers.servers.iter().all(|broker| broker.pid().is_none()));
    let folder = servers.folder.path().to_path_buf();
    drop(servers);
    assert!(!folder.exists());
}

#[tokio::test]
async fn three_durable_brokers_accept_streams_once_they_have_started() {
    assert_starts_and_stops(Profile::Durable).await;
}

#[tokio::test]
async fn three_fast_brokers_accept_streams_once_they_have_started() {
    assert_starts_and_stops(Profile::Fast).await;
}

#[tokio::test]
async fn a_single_broker_accepts_streams_once_it_has_started() {
    assert_starts_and_stops(Profile::Single).await;
}

#[tokio::test]
async fn brokers_report_sync_always_under_every_profile_but_fast() {
    for profile in [Profile::Durable, Profile::Fast, Profile::Single] {
        let servers = TestServers::start(profile).await;
        for url in servers.processes.brokers.monitor_urls() {
            let syncs = get(&format!("{url}/jsz")).await.contains("\"sync_always\": true");
            assert_eq!(syncs, profile != Profile::Fast, "{profile}");
        }
    }
}

#[tokio::test]
async fn a_stream_that_acknowledges_before_it_writes_is_rejected() {
    let servers = TestServers::start(Profile::Single).await;
    let access = servers.processes.brokers.access(Role::Lab);
    // Equal to the product's stream in everything but `persist_mode`.
    let config = json!({"name": "ORDERS_1", "subjects": ["orders.*"], "storage": "file", "num_replicas": 1,
        "retention": "limits", "discard": "new", "max_bytes": 4_294_967_296_u64, "allow_direct": true,
        "duplicate_window": 120_000_000_000_u64, "persist_mode": "async"});
    let created = RawNats::connect(&access).await.api("STREAM.CREATE.ORDERS_1", &config).await;
    assert_eq!(created["config"]["persist_mode"], "async", "{created}");

    let connection = Connection::open(&access, "test").await.unwrap();
    let refused =
        ensure_topology(&connection, &Topology::new(Profile::Single), &stages::steps()).await;
    let refused = anyhow::Error::from(refused.unwrap_err());
    assert!(format!("{refused:#}").contains("broker rejected ORDERS_1"), "{refused:#}");
}

/// A response from a broker's monitoring port, with its headers.
pub(crate) async fn get(url: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (host, path) = url.trim_start_matches("http://").split_once('/').unwrap();
    let mut stream = tokio::net::TcpStream::connect(host).await.unwrap();
    stream.write_all(format!("GET /{path} HTTP/1.0\r\n\r\n").as_bytes()).await.unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    response
}
