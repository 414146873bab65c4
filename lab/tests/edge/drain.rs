//! A draining edge answers the requests in flight.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::raw_http::{ORDER, RawHttp, post};
use super::test_edge::{DEADLINE, TestEdge, fresh_key};
use crate::test_servers::{TestServers, wait_until};

#[tokio::test]
async fn requests_in_flight_are_answered_before_the_edge_stops() {
    let servers = TestServers::start_with_streams().await;
    let edge = servers.start_edge_with(2, 256).await;
    let address = edge.address;
    let mut clients = join_all((0..50).map(|_| edge.connect())).await;
    for client in &mut clients {
        assert_eq!(client.get("/livez").await.status, 200);
    }
    let mut idle = edge.connect().await;
    assert_eq!(idle.get("/livez").await.status, 200);
    // While the broker is paused, orders are in flight.
    servers.processes.brokers.servers[0].pause().unwrap();
    for client in &mut clients {
        client.send(post(&fresh_key(), ORDER)).await;
    }
    let stopped = edge.start_drain();
    // Once the idle connection is closed, the edge waits only for the requests in flight.
    timeout(DEADLINE, idle.wait_closed()).await.unwrap();
    servers.processes.brokers.servers[0].resume().unwrap();
    for client in &mut clients {
        let reply = client.last_reply().await.unwrap();
        assert_eq!(reply.status, 202, "{reply:?}");
    }
    timeout(DEADLINE, stopped).await.unwrap().unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_request_during_the_drain_is_answered_and_closes_its_connection() {
    let servers = TestServers::start_with_streams().await;
    let edge = servers.start_edge().await;
    let mut busy = edge.connect().await;
    assert_eq!(busy.get("/readyz").await.status, 200);
    let stopped = edge.start_drain();
    let mut requests = 0;
    loop {
        let reply = busy.get("/readyz").await;
        requests += 1;
        if reply.header("connection") == Some("close") {
            assert_eq!((reply.status, reply.body.as_str()), (503, "draining\n"));
            break;
        }
        assert!(requests < 1_000_000, "the edge does not drain");
    }
    timeout(DEADLINE, stopped).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn connections_without_a_request_do_not_delay_the_drain() {
    let servers = TestServers::start_with_streams().await;
    let edge = servers.start_edge().await;
    let _silent = edge.connect().await;
    let mut idle = edge.connect().await;
    assert_eq!(idle.get("/livez").await.status, 200);
    let mut half = edge.connect().await;
    half.send("POST /v1/orders HTTP/1.1\r\n").await;
    edge.stop().await;
}

/// What a client of HTTP/2 sends first, with settings that change nothing.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// The type of a frame: no more requests are taken on this connection.
const GOAWAY: u8 = 7;

#[tokio::test]
async fn a_client_of_http_2_gets_goaway() {
    let edge = TestServers::shared().await.start_edge().await;
    let mut client = TcpStream::connect(edge.address).await.unwrap();
    client.write_all(PREFACE).await.unwrap();
    let mut received = vec![0];
    timeout(DEADLINE, client.read_exact(&mut received)).await.unwrap().unwrap();
    let stopped = edge.start_drain();
    // A reset closes it as well.
    timeout(DEADLINE, client.read_to_end(&mut received)).await.unwrap().ok();
    timeout(DEADLINE, stopped).await.unwrap().unwrap().unwrap();

    let (mut frames, mut types) = (&received[..], Vec::new());
    // A length of three bytes, the type, flags, and the stream's number of four bytes.
    while let [high, middle, low, kind, _, _, _, _, _, rest @ ..] = frames {
        types.push(*kind);
        frames = &rest[u32::from_be_bytes([0, *high, *middle, *low]) as usize..];
    }
    assert!(types.contains(&GOAWAY), "{types:?}");
}

#[tokio::test]
async fn an_edge_that_is_asked_to_end_is_not_ready_and_accepts_orders_until_its_delay_has_passed() {
    let servers = TestServers::start_with_streams().await;
    let mut config = servers.config(servers.profile);
    config.drain_delay = Some(Duration::from_secs(3));
    let edge = TestEdge::start(config).await;
    let address = edge.address;
    let stopped = edge.start_drain();
    let is_not_ready = async || {
        let mut client = RawHttp::connect(address).await;
        client.get("/readyz").await.status == 503
    };
    wait_until("the edge is not ready", is_not_ready).await;
    // A balancer that has not seen that yet opens a connection of its own.
    let mut client = RawHttp::connect(address).await;
    let reply = client.post(&fresh_key(), ORDER).await;
    assert_eq!((reply.status, reply.header("connection")), (202, None), "{reply:?}");
    drop(client);
    timeout(DEADLINE, stopped).await.unwrap().unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}
