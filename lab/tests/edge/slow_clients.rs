//! Ten thousand clients that never finish a request, and one that places an order. The clients are a
//! process of their own, so that they take no file descriptors from other tests.

use std::process::Stdio;
use std::time::Duration;

use lab::up::{Cluster, Plan};
use streams::Profile;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::timeout;

const CROWD: usize = 10_000;
/// File descriptors that the process of the crowd needs beside its connections.
const SPARE: usize = 10;
/// Longer than anything here takes on a busy machine.
const DEADLINE: Duration = Duration::from_mins(1);
const ORDER: &str = "POST /v1/orders HTTP/1.1\r\nhost: edge\r\nconnection: close\r\n\
    content-type: application/json\r\nidempotency-key: in-the-crowd\r\ncontent-length: 76\r\n\r\n\
    {\"currency\":\"GBP\",\"lines\":[{\"sku\":\"85123A\",\"quantity\":6,\"unit_price\":255}]}\n";
/// Tells the process of the crowd where the edge is.
const EDGE: &str = "CROWD_EDGE";
/// What that process writes when all of its clients are connected.
const READY: &str = "ready";

#[tokio::test]
async fn a_crowd_of_half_sent_requests_does_not_keep_an_order_out() {
    let plan = Plan {
        millrace: env!("CARGO_BIN_EXE_millrace-lab").into(),
        edges: 1,
        workers: Vec::new(),
        ..Plan::new(Profile::Single).unwrap()
    };
    let cluster = Cluster::start(plan, &[]).await.unwrap();
    let address = cluster.edges[0].url().strip_prefix("http://").unwrap().to_owned();

    let mut crowd = Command::new(std::env::current_exe().unwrap())
        .args([
            "--ignored",
            "--exact",
            "edge::slow_clients::clients_that_are_closed",
            "--nocapture",
        ])
        .env(EDGE, &address)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(crowd.stdout.take().unwrap()).lines();
    while lines.next_line().await.unwrap().expect("the crowd comes") != READY {}

    let placed = timeout(DEADLINE, place(&address)).await.expect("the order is kept out");
    assert!(placed.starts_with("HTTP/1.1 202 "), "{placed}");
    while lines.next_line().await.unwrap().is_some() {}
    assert!(crowd.wait().await.unwrap().success(), "a silent client is not closed");
    cluster.stop().await.unwrap();
}

/// No test by itself: the process of the crowd, whose clients must all be closed.
#[tokio::test]
#[ignore = "needs an edge"]
async fn clients_that_are_closed() {
    let address = std::env::var(EDGE).unwrap();
    let mut crowd = Vec::new();
    // Where the system lets this process open fewer, the edge has no more either.
    while let (true, Ok(mut client)) = (crowd.len() < CROWD, TcpStream::connect(&address).await) {
        client.write_all(b"POST /v1/orders HTTP/1.1\r\nhost: ").await.unwrap();
        crowd.push(client);
    }
    crowd.truncate(crowd.len() - SPARE);
    print_ready();
    for client in &mut crowd {
        let closed = timeout(DEADLINE, client.read(&mut [0])).await;
        closed.expect("a client that says nothing more is held on to").ok();
    }
}

#[allow(clippy::print_stdout, reason = "the two processes of this test speak by standard output")]
fn print_ready() {
    // The test runner has begun a line of its own.
    println!("\n{READY}");
}

async fn place(address: &str) -> String {
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(ORDER.as_bytes()).await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    answer
}
