//! Ten thousand clients that never finish a request, and one that places an order.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use cluster::up::{Cluster, Plan};
use streams::Profile;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const CROWD: usize = 10_000;
/// Longer than anything here takes on a busy machine.
const DEADLINE: Duration = Duration::from_mins(1);
const ORDER: &str = "POST /v1/orders HTTP/1.1\r\nhost: edge\r\nconnection: close\r\n\
    content-type: application/json\r\nidempotency-key: in-the-crowd\r\ncontent-length: 76\r\n\r\n\
    {\"currency\":\"GBP\",\"lines\":[{\"sku\":\"85123A\",\"quantity\":6,\"unit_price\":255}]}\n";

#[tokio::test]
async fn a_crowd_of_half_sent_requests_does_not_keep_an_order_out() {
    let plan = Plan {
        millrace: env!("CARGO_BIN_EXE_millrace").into(),
        edges: 1,
        workers: Vec::new(),
        ..Plan::new(Profile::Single).unwrap()
    };
    let cluster = Cluster::start(plan, &[]).await.unwrap();
    let address = cluster.edges[0].url().strip_prefix("http://").unwrap().to_owned();

    let mut crowd = Vec::new();
    // Where the system lets this process open fewer, the edge has no more either.
    while let (true, Ok(mut client)) = (crowd.len() < CROWD, TcpStream::connect(&address).await) {
        client.write_all(b"POST /v1/orders HTTP/1.1\r\nhost: ").await.unwrap();
        crowd.push(client);
    }
    crowd.truncate(crowd.len() - 10);

    let placed = timeout(DEADLINE, place(&address)).await.expect("the order is kept out");
    assert!(placed.starts_with("HTTP/1.1 202 "), "{placed}");
    for client in &mut crowd {
        let closed = timeout(DEADLINE, client.read(&mut [0])).await;
        closed.expect("a client that says nothing more is held on to").ok();
    }
    cluster.stop().await.unwrap();
}

async fn place(address: &str) -> String {
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(ORDER.as_bytes()).await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    answer
}
