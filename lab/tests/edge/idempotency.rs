//! The same key again: with the same order, and with another one.

use futures_util::future::join_all;
use tokio::time::Instant;

use super::raw_http::{ORDER, OTHER_ORDER, Reply};
use super::test_edge::{DEADLINE, Door, House, fresh_key, order_id};

#[tokio::test]
async fn a_repeat_has_the_same_id_and_is_named_where_it_is_known() {
    let house = House::shared().await;
    let (first, second) = (house.open_door().await, house.open_door().await);
    let key = fresh_key();
    let placed = first.talk().await.post(&key, ORDER).await;
    // White space makes no other order.
    let spaced = ORDER.replace(',', " , ");
    let repeated = until(&second, &key, &spaced, |reply| {
        assert_eq!((reply.status, &reply.body), (202, &placed.body));
        reply.header("idempotent-replayed") == Some("true")
    });
    repeated.await;
    first.close().await;
    second.close().await;
}

#[tokio::test]
async fn one_key_a_hundred_times_at_once_on_two_edges_is_one_order() {
    let house = House::shared().await;
    let doors = [house.open_door().await, house.open_door().await];
    let key = fresh_key();
    let placed = (0..100).map(|n| {
        let (door, key) = (&doors[n % 2], &key);
        async move { door.talk().await.post(key, ORDER).await }
    });
    let replies = join_all(placed).await;
    for reply in &replies {
        assert_eq!((reply.status, &reply.body), (202, &replies[0].body));
    }
    // Repeats may stand in the stream, and they all say the same.
    let events = house.created_under(order_id(&replies[0].json())).await;
    let digest = |event: &serde_json::Value| event["event"]["created"]["digest"].clone();
    assert!(!events.is_empty());
    assert!(events.iter().all(|event| digest(event) == digest(&events[0])), "{events:?}");
    for door in doors {
        door.close().await;
    }
}

#[tokio::test]
async fn another_order_under_the_same_key_is_refused_where_it_is_known() {
    let house = House::shared().await;
    let (first, second) = (house.open_door().await, house.open_door().await);
    let key = fresh_key();
    until(&first, &key, ORDER, |reply| reply.header("idempotent-replayed").is_some()).await;
    let refused = until(&second, &key, OTHER_ORDER, |reply| reply.status != 202).await;
    refused.assert_problem(422, "idempotency-key-reused");
    // The order that stands is not moved by it.
    assert_eq!(second.talk().await.post(&key, ORDER).await.status, 202);
    first.close().await;
    second.close().await;
}

#[tokio::test]
async fn redis_flushed_paused_or_dead_costs_knowledge_and_no_order() {
    let mut house = House::start().await;
    let door = house.open_door().await;
    let mut talk = door.talk().await;
    let key = fresh_key();
    let placed = talk.post(&key, ORDER).await;

    let redis = redis::Client::open(house.servers.redis.url()).unwrap();
    let mut redis = redis.get_multiplexed_async_connection().await.unwrap();
    redis::cmd("FLUSHALL").exec_async(&mut redis).await.unwrap();
    assert_eq!(talk.post(&key, OTHER_ORDER).await.body, placed.body);

    house.servers.redis.pause().unwrap();
    assert_many_are_taken(&door).await;
    house.servers.redis.resume().unwrap();
    house.servers.redis.kill().await.unwrap();
    assert_many_are_taken(&door).await;
    assert_eq!(talk.post(&key, OTHER_ORDER).await.body, placed.body);

    house.servers.redis.start().await.unwrap();
    until(&door, &key, ORDER, |reply| reply.header("idempotent-replayed").is_some()).await;
    let refused = until(&door, &key, OTHER_ORDER, |reply| reply.status != 202).await;
    refused.assert_problem(422, "idempotency-key-reused");
    door.close().await;
}

async fn assert_many_are_taken(door: &Door) {
    let mut talk = door.talk().await;
    for _ in 0..50 {
        let reply = talk.post(&fresh_key(), ORDER).await;
        assert_eq!(reply.status, 202, "{reply:?}");
    }
}

/// Repeats until an answer is as wanted: on a busy machine Redis may be too late for a while.
async fn until(door: &Door, key: &str, order: &str, wanted: impl Fn(&Reply) -> bool) -> Reply {
    let deadline = Instant::now() + DEADLINE;
    let mut talk = door.talk().await;
    loop {
        let reply = talk.post(key, order).await;
        if wanted(&reply) {
            return reply;
        }
        assert!(Instant::now() < deadline, "{reply:?}");
    }
}
