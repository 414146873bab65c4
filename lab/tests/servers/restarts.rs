//! Killed or paused servers come back on the same port, with the data that they had acknowledged.

use std::net::Ipv4Addr;
use std::time::Duration;

use lab::servers::{Server, Servers};
use millrace::keys::Role;
use streams::{Connection, Profile, Topology, ensure_topology};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_postgres::Client;
use workers::stages;

use super::startup::get;
use crate::test_servers::{TestServers, wait_until};

/// Long for a server that is ready.
const RESPONSE_TIMEOUT: Duration = Duration::from_millis(300);

async fn connect(url: &str) -> Client {
    workers::database::connect(url).await.unwrap().0
}

#[tokio::test]
async fn postgres_keeps_committed_rows_when_it_is_killed() {
    let mut servers = TestServers::start(Profile::Single).await;
    let postgres = &mut servers.processes.postgres;
    let client = connect(postgres.url()).await;
    client.batch_execute("CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)").await.unwrap();
    postgres.kill().await.unwrap();
    assert!(client.simple_query("SELECT 1").await.is_err());

    postgres.start().await.unwrap();
    let row = connect(postgres.url()).await.query_one("SELECT n FROM kept", &[]).await.unwrap();
    assert_eq!(row.get::<_, i32>(0), 7);
}

#[tokio::test]
async fn killed_brokers_restart_with_their_streams() {
    let mut servers = TestServers::start(Profile::Durable).await;
    let brokers = &mut servers.processes.brokers;
    let connection = Connection::open(&brokers.access(Role::Lab), "test").await.unwrap();
    let topology = Topology::new(Profile::Durable);
    ensure_topology(&connection, &topology, &stages::steps()).await.unwrap();
    let has_streams = format!("\"streams\": {}", topology.stream_count());
    for broker in &mut brokers.servers {
        broker.kill().await.unwrap();
    }

    brokers.start().await.unwrap();
    for url in brokers.monitor_urls() {
        wait_until("a broker has its streams", async || {
            get(&format!("{url}/jsz")).await.contains(&has_streams)
        })
        .await;
    }
}

#[tokio::test]
async fn one_broker_restarts_while_the_others_are_down() {
    let mut servers = TestServers::start(Profile::Durable).await;
    let brokers = &mut servers.processes.brokers;
    for broker in &mut brokers.servers {
        broker.kill().await.unwrap();
    }
    brokers.servers[1].start().await.unwrap();
    assert!(brokers.servers[1].pid().is_some());
}

#[tokio::test]
async fn a_paused_server_responds_only_after_it_is_resumed() {
    let servers = TestServers::start(Profile::Single).await;
    let Servers { postgres, redis, brokers, .. } = &servers.processes;
    // Requests that each server answers before a login.
    let ssl_request = b"\0\0\0\x08\x04\xd2\x16\x2f".as_slice();
    let ping = b"PING\r\n".as_slice();
    for (server, request) in [(postgres, ssl_request), (redis, ping), (&brokers.servers[0], ping)] {
        server.pause().unwrap();
        assert!(!responds(server, request).await, "{} is paused", server.name());
        server.resume().unwrap();
        wait_until("a resumed server responds", async || responds(server, request).await).await;
    }
}

#[tokio::test]
async fn a_paused_postgres_does_not_respond_to_an_open_session() {
    let servers = TestServers::start(Profile::Single).await;
    let postgres = &servers.processes.postgres;
    let client = connect(postgres.url()).await;
    postgres.pause().unwrap();
    assert!(timeout(RESPONSE_TIMEOUT, client.simple_query("SELECT 1")).await.is_err());
    postgres.resume().unwrap();
    wait_until("the session responds", async || client.simple_query("SELECT 1").await.is_ok())
        .await;
}

/// Whether a server responds at all within [`RESPONSE_TIMEOUT`]: Redis closes a connection in clear text.
async fn responds(server: &Server, request: &[u8]) -> bool {
    let (_, port) = server.url().rsplit_once(':').unwrap();
    let port = port.split('/').next().unwrap().parse().unwrap();
    let exchange = async {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        stream.write_all(request).await?;
        stream.read_u8().await
    };
    timeout(RESPONSE_TIMEOUT, exchange).await.is_ok()
}
