//! Ten thousand clients that never finish a request (a slowloris attack), and one that places an
//! order. The slow clients are a separate process, so that they take no file descriptors from other
//! tests.

use std::process::Stdio;
use std::time::Duration;

use lab::up::{Cluster, Plan};
use streams::Profile;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::timeout;

use crate::test_servers::plan;
use crate::time_limit::TimeLimit;

const CLIENTS: usize = 10_000;
/// File descriptors that the client process needs beside its connections.
const SPARE_FDS: usize = 10;
/// Longer than any step of this test takes on a busy machine.
const DEADLINE: Duration = Duration::from_mins(1);
const ORDER: &str = "POST /v1/orders HTTP/1.1\r\nhost: edge\r\nconnection: close\r\n\
    content-type: application/json\r\nidempotency-key: slow-clients\r\ncontent-length: 107\r\n\r\n\
    {\"currency\":\"GBP\",\"lines\":[{\"sku\":\"85123A\",\"quantity\":6,\"unit_price\":255}],\
    \"payment\":{\"token\":\"tok_visa\"}}\n";
/// The environment variable with the edge's address, for the client process.
const EDGE_ADDRESS: &str = "SLOW_CLIENTS_EDGE";
/// The line that the client process prints once all of its clients are connected.
const READY: &str = "ready";

#[tokio::test]
async fn ten_thousand_half_sent_requests_do_not_block_an_order() {
    let plan = Plan { edges: 1, workers: Vec::new(), ..plan(Profile::Single) };
    let _time_limit = TimeLimit::start();
    let cluster = Cluster::start(plan, &[]).await.unwrap();
    let address = cluster.edges[0].url().strip_prefix("http://").unwrap().to_owned();

    let mut slow_clients = Command::new(std::env::current_exe().unwrap())
        .args([
            "--ignored",
            "--exact",
            "edge::slow_clients::slow_clients_are_disconnected",
            "--nocapture",
        ])
        .env(EDGE_ADDRESS, &address)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(slow_clients.stdout.take().unwrap()).lines();
    while lines.next_line().await.unwrap().expect("the client process has exited") != READY {}

    let placed = timeout(DEADLINE, place(&address)).await.expect("the order timed out");
    assert!(placed.starts_with("HTTP/1.1 202 "), "{placed}");
    while lines.next_line().await.unwrap().is_some() {}
    assert!(slow_clients.wait().await.unwrap().success(), "a slow client is not disconnected");
    cluster.stop().await.unwrap();
}

/// Not a test by itself: the client process, all of whose clients must be disconnected.
#[tokio::test]
#[ignore = "needs an edge"]
async fn slow_clients_are_disconnected() {
    let address = std::env::var(EDGE_ADDRESS).unwrap();
    let mut clients = Vec::new();
    // If the system lets this process open fewer files, the same limit holds for the edge.
    while let (true, Ok(mut client)) = (clients.len() < CLIENTS, TcpStream::connect(&address).await)
    {
        client.write_all(b"POST /v1/orders HTTP/1.1\r\nhost: ").await.unwrap();
        clients.push(client);
    }
    clients.truncate(clients.len() - SPARE_FDS);
    print_ready();
    for client in &mut clients {
        let closed = timeout(DEADLINE, client.read(&mut [0])).await;
        closed.expect("a slow client is not disconnected").ok();
    }
}

#[allow(
    clippy::print_stdout,
    reason = "the two processes of this test communicate by standard output"
)]
fn print_ready() {
    // The test runner has printed the start of a line.
    println!("\n{READY}");
}

async fn place(address: &str) -> String {
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(ORDER.as_bytes()).await.unwrap();
    let mut response = String::new();
    client.read_to_string(&mut response).await.unwrap();
    response
}
