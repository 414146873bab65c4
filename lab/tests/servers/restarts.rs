//! Killed or paused servers come back on the same port, with what they had promised to keep.

use std::net::Ipv4Addr;
use std::time::Duration;

use lab::servers::{Server, Servers};
use streams::{Connection, Profile, Topology, ensure_topology};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_postgres::{Client, NoTls};

use super::run::{Run, until};
use super::startup::get;

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    // It ends with an error when the server is killed, as it should.
    tokio::spawn(connection);
    client
}

#[tokio::test]
async fn postgres_keeps_what_was_committed_before_it_was_killed() {
    let mut run = Run::of(Profile::Single).await;
    let postgres = &mut run.servers.postgres;
    let client = connect(postgres.url()).await;
    client.batch_execute("CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)").await.unwrap();
    postgres.kill().await.unwrap();
    assert!(client.simple_query("SELECT 1").await.is_err());

    postgres.start().await.unwrap();
    let row = connect(postgres.url()).await.query_one("SELECT n FROM kept", &[]).await.unwrap();
    assert_eq!(row.get::<_, i32>(0), 7);
}

#[tokio::test]
async fn killed_brokers_come_back_with_their_streams() {
    let mut run = Run::of(Profile::Durable).await;
    let brokers = &mut run.servers.brokers;
    let connection = Connection::open(&brokers.url(), "test").await.unwrap();
    ensure_topology(&connection, &Topology::new(Profile::Durable)).await.unwrap();
    for broker in &mut brokers.servers {
        broker.kill().await.unwrap();
    }

    brokers.start().await.unwrap();
    for url in brokers.monitor_urls() {
        until("a broker has its streams", async || {
            get(&format!("{url}/jsz")).await.contains("\"streams\": 3")
        })
        .await;
    }
}

#[tokio::test]
async fn one_broker_comes_back_while_the_others_are_down() {
    let mut run = Run::of(Profile::Durable).await;
    let brokers = &mut run.servers.brokers;
    for broker in &mut brokers.servers {
        broker.kill().await.unwrap();
    }
    brokers.servers[1].start().await.unwrap();
    assert!(brokers.servers[1].pid().is_some());
}

#[tokio::test]
async fn a_paused_server_answers_only_when_it_is_resumed() {
    let run = Run::of(Profile::Single).await;
    let Servers { postgres, redis, brokers } = &run.servers;
    // What each answers at once to a client that has not logged in.
    let ask_for_encryption = b"\0\0\0\x08\x04\xd2\x16\x2f".as_slice();
    let ping = b"PING\r\n".as_slice();
    for (server, question) in
        [(postgres, ask_for_encryption), (redis, ping), (&brokers.servers[0], ping)]
    {
        server.pause().unwrap();
        assert!(!answers(server, question).await, "{} is paused", server.name());
        server.resume().unwrap();
        until("a resumed server answers", async || answers(server, question).await).await;
    }
}

#[tokio::test]
async fn a_paused_postgres_answers_no_open_session() {
    let run = Run::of(Profile::Single).await;
    let postgres = &run.servers.postgres;
    let client = connect(postgres.url()).await;
    postgres.pause().unwrap();
    assert!(timeout(Duration::from_millis(300), client.simple_query("SELECT 1")).await.is_err());
    postgres.resume().unwrap();
    until("the session answers", async || client.simple_query("SELECT 1").await.is_ok()).await;
}

/// Whether a server answers anything within a time that is long for a ready one.
async fn answers(server: &Server, question: &[u8]) -> bool {
    let (_, port) = server.url().rsplit_once(':').unwrap();
    let port = port.split('/').next().unwrap().parse().unwrap();
    let exchange = async {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        stream.write_all(question).await?;
        stream.read_u8().await
    };
    timeout(Duration::from_millis(300), exchange).await.is_ok_and(|answer| answer.is_ok())
}
