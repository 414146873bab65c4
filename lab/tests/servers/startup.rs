//! The state of the servers after their start, and after their stop.

use streams::{Connection, Profile, Topology, ensure_topology};
use workers::stages;

use crate::test_servers::TestServers;

async fn assert_starts_and_stops(profile: Profile) {
    let mut servers = TestServers::start(profile).await;
    assert_eq!(servers.processes.brokers.servers.len(), profile.brokers());

    let connection = Connection::open(&servers.processes.brokers.url(), "test").await.unwrap();
    ensure_topology(&connection, &Topology::new(profile), &stages::steps()).await.unwrap();

    let redis = redis::Client::open(servers.processes.redis.url()).unwrap();
    let mut redis = redis.get_multiplexed_async_connection().await.unwrap();
    let reply: String = redis::cmd("PING").query_async(&mut redis).await.unwrap();
    assert_eq!(reply, "PONG");

    let (postgres, connection) =
        tokio_postgres::connect(servers.processes.postgres.url(), tokio_postgres::NoTls)
            .await
            .unwrap();
    let connection = tokio::spawn(connection);
    for (setting, value) in [("fsync", "on"), ("synchronous_commit", "on")] {
        let row = postgres.query_one(&format!("SHOW {setting}"), &[]).await.unwrap();
        assert_eq!(row.get::<_, &str>(0), value, "{setting}");
    }
    drop(postgres);
    connection.await.unwrap().unwrap();

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
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let servers = TestServers::start(Profile::Single).await;
    let url = servers.processes.brokers.url();
    // Equal to the product's stream in everything but `persist_mode`.
    let config = r#"{"name":"ORDERS_1","subjects":["orders.*"],"storage":"file","num_replicas":1,
        "retention":"limits","discard":"new","max_bytes":4294967296,"allow_direct":true,
        "duplicate_window":120000000000,"persist_mode":"async"}"#;
    let length = config.len();
    let request = format!(
        "CONNECT {{}}\r\nSUB answer 1\r\nPUB $JS.API.STREAM.CREATE.ORDERS_1 answer {length}\r\n\
         {config}\r\n"
    );
    let mut stream =
        tokio::net::TcpStream::connect(url.trim_start_matches("nats://")).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut response = String::new();
    while !response.contains("MSG answer") {
        let mut bytes = [0; 4096];
        let length = stream.read(&mut bytes).await.unwrap();
        assert!(length > 0, "closed after: {response}");
        response += std::str::from_utf8(&bytes[..length]).unwrap();
    }

    let connection = Connection::open(&url, "test").await.unwrap();
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
