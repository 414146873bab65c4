//! A repeated idempotency key, mostly with the same order.

use futures_util::future::join_all;
use tokio::time::Instant;

use super::raw_http::{ORDER, OTHER_ORDER, Reply};
use super::test_edge::{DEADLINE, TestEdge, fresh_key, order_id};
use crate::test_servers::TestServers;

#[tokio::test]
async fn a_repeat_gets_the_same_id_and_is_marked_as_replayed_if_the_order_is_cached() {
    let servers = TestServers::shared().await;
    let (first, second) = (servers.start_edge().await, servers.start_edge().await);
    let key = fresh_key();
    let placed = first.connect().await.post(&key, ORDER).await;
    // Whitespace does not make it another order.
    let spaced = ORDER.replace(',', " , ");
    let repeated = post_until(&second, &key, &spaced, |reply| {
        assert_eq!((reply.status, &reply.body), (202, &placed.body));
        reply.header("idempotent-replayed") == Some("true")
    });
    repeated.await;
    first.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn one_key_posted_a_hundred_times_at_once_to_two_edges_is_one_order() {
    let servers = TestServers::shared().await;
    let edges = [servers.start_edge().await, servers.start_edge().await];
    let key = fresh_key();
    let placed = (0..100).map(|n| {
        let (edge, key) = (&edges[n % 2], &key);
        async move { edge.connect().await.post(key, ORDER).await }
    });
    let replies = join_all(placed).await;
    for reply in &replies {
        assert_eq!((reply.status, &reply.body), (202, &replies[0].body));
    }
    // The stream may hold repeats, and all are equal.
    let events = servers.stored_events_of(order_id(&replies[0].json())).await;
    let digest = |event: &serde_json::Value| event["event"]["created"]["digest"].clone();
    assert!(!events.is_empty());
    assert!(events.iter().all(|event| digest(event) == digest(&events[0])), "{events:?}");
    for edge in edges {
        edge.stop().await;
    }
}

#[tokio::test]
async fn orders_are_accepted_while_redis_is_flushed_paused_or_killed() {
    let mut servers = TestServers::start_with_streams().await;
    let edge = servers.start_edge().await;
    let mut client = edge.connect().await;
    let key = fresh_key();
    let placed = client.post(&key, ORDER).await;

    let redis = servers.processes.admin_redis().client().unwrap();
    let mut redis = redis.get_multiplexed_async_connection().await.unwrap();
    redis::cmd("FLUSHALL").exec_async(&mut redis).await.unwrap();
    assert_same_order(&client.post(&key, OTHER_ORDER).await, &placed);

    servers.processes.redis.pause().unwrap();
    assert_many_are_accepted(&edge).await;
    servers.processes.redis.resume().unwrap();
    servers.processes.redis.kill().await.unwrap();
    assert_many_are_accepted(&edge).await;
    assert_same_order(&client.post(&key, OTHER_ORDER).await, &placed);

    servers.processes.redis.start().await.unwrap();
    post_until(&edge, &key, ORDER, |reply| reply.header("idempotent-replayed").is_some()).await;
    // Redis has the first body, and no worker answers, so nothing refuses the other one.
    assert_same_order(&client.post(&key, OTHER_ORDER).await, &placed);
    edge.stop().await;
}

/// Asserts that both replies accept the same order id; their bodies may differ.
#[track_caller]
fn assert_same_order(reply: &Reply, placed: &Reply) {
    assert_eq!((reply.status, placed.status), (202, 202), "{reply:?}");
    assert_eq!(reply.json()["order_id"], placed.json()["order_id"]);
}

async fn assert_many_are_accepted(edge: &TestEdge) {
    let mut client = edge.connect().await;
    for _ in 0..50 {
        let reply = client.post(&fresh_key(), ORDER).await;
        assert_eq!(reply.status, 202, "{reply:?}");
    }
}

/// Repeats an order until `expected` holds for the reply: on a busy machine Redis may time out for
/// a while.
pub(super) async fn post_until(
    edge: &TestEdge,
    key: &str,
    order: &str,
    expected: impl Fn(&Reply) -> bool,
) -> Reply {
    let deadline = Instant::now() + DEADLINE;
    let mut client = edge.connect().await;
    loop {
        let reply = client.post(key, order).await;
        if expected(&reply) {
            return reply;
        }
        assert!(Instant::now() < deadline, "{reply:?}");
    }
}
