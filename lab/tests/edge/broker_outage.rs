//! Without a broker's ack, no order is answered 202.

use streams::Profile;
use tokio::time::Instant;

use super::raw_http::{ORDER, RawHttp};
use super::test_edge::{DEADLINE, fresh_key};
use crate::test_servers::TestServers;

#[tokio::test]
async fn an_order_gets_503_without_a_broker_and_202_under_the_same_key_once_it_is_back() {
    let mut servers = TestServers::start_with_streams().await;
    let edge = servers.start_edge().await;
    let mut client = edge.connect().await;
    assert_eq!(client.get("/readyz").await.status, 200);

    servers.processes.brokers.stop().await.unwrap();
    let key = fresh_key();
    let reply = client.post(&key, ORDER).await;
    reply.assert_problem(503, "ack-timeout");
    assert_eq!(reply.header("retry-after"), Some("1"));
    assert_eq!(client.get("/livez").await.status, 200);
    assert_eq!(wait_for_readyz(&mut client, 503).await, "no broker\n");

    servers.processes.brokers.start().await.unwrap();
    wait_for_readyz(&mut client, 200).await;
    assert_eq!(client.post(&key, ORDER).await.status, 202);
    edge.stop().await;
}

#[tokio::test]
async fn an_order_gets_503_while_there_is_no_stream() {
    let servers = TestServers::start(Profile::Single).await;
    let edge = servers.start_edge().await;
    let mut client = edge.connect().await;
    let key = fresh_key();
    client.post(&key, ORDER).await.assert_problem(503, "not-durable");
    let reason = wait_for_readyz(&mut client, 503).await;
    assert!(reason.contains("ORDERS_1: stream is missing"), "{reason}");
    servers.create_streams().await;
    wait_for_readyz(&mut client, 200).await;
    assert_eq!(client.post(&key, ORDER).await.status, 202);
    edge.stop().await;
}

/// Waits until `/readyz` has this status, and returns its body.
pub(crate) async fn wait_for_readyz(client: &mut RawHttp, status: u16) -> String {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let reply = client.get("/readyz").await;
        if reply.status == status {
            return reply.body;
        }
        assert!(Instant::now() < deadline, "{reply:?}");
        tokio::task::yield_now().await;
    }
}
