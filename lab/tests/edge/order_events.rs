//! An order is followed by server-sent events: no status is missed or repeated, whatever is lost in between.

use std::time::{Duration, Instant};

use orders::{CancelReason, CancelledBy, EventBody, Status};
use serde_json::json;
use streams::batch::RECORDS_MAX;

use super::event_reader::EventReader;
use super::status_worker::{StatusWorker, fulfilled, order, paid, path, reserved};
use super::test_edge::TestEdge;
use crate::servers::startup::get;
use crate::test_servers::{TestServers, wait_until};

use Status::{Accepted, Fulfilled, Paid, Reserved, Withdrawn};

const AT: &str = "1970-01-01T00:00:00Z";

async fn start() -> (TestServers, StatusWorker, TestEdge) {
    let servers = TestServers::start_with_streams().await;
    let worker = StatusWorker::start(&servers).await;
    let edge = servers.start_edge().await;
    (servers, worker, edge)
}

async fn follow(edge: &TestEdge, byte: u8, seen: Option<&str>) -> EventReader {
    EventReader::begin(edge.connect().await, &path(order(byte)), seen).await
}

#[tokio::test]
async fn a_follower_gets_the_history_then_each_event_and_the_end_for_one_lookup() {
    let (_servers, worker, edge) = start().await;
    worker.set(order(1), &[Accepted, Reserved]);
    let mut events = follow(&edge, 1, None).await;
    assert_eq!(events.head.header("cache-control"), Some("no-store"));
    assert_eq!(events.head.header("x-accel-buffering"), Some("no"));
    assert_eq!(events.frame().await.unwrap(), "retry: 2000");
    let first = events.event().await.unwrap();
    assert_eq!(first, ("accepted".to_owned(), json!({"status": "accepted", "at": AT})));
    assert_eq!(events.ids(1).await, ["reserved"]);
    // Events of all kinds for many orders come at the same time.
    worker.publish(order(2), paid(), RECORDS_MAX).await;
    worker.publish(order(1), paid(), 3).await;
    assert_eq!(events.ids(1).await, ["paid"]);
    worker.publish(order(1), fulfilled(), 1).await;
    assert_eq!(events.rest().await, ["fulfilled"]);
    assert_eq!(worker.asked(), 1);
    // The connection goes on.
    assert_eq!(events.client.get("/livez").await.status, 200);
    edge.stop().await;
}

#[tokio::test]
async fn an_order_that_no_worker_has_processed_is_followed_from_the_beginning() {
    let (_servers, worker, edge) = start().await;
    let mut events = follow(&edge, 1, None).await;
    let first = events.event().await.unwrap();
    assert_eq!(first, ("accepted".to_owned(), json!({"status": "accepted", "at": null})));
    let rejected = json!({"rejected": {"reason": {"code": "out_of_stock", "skus": ["A"]}}});
    worker.publish(order(1), serde_json::from_value(rejected).unwrap(), 1).await;
    let (id, data) = events.event().await.unwrap();
    assert_eq!((id.as_str(), &data["reason"]["skus"]), ("rejected", &json!(["A"])));
    assert!(events.frame().await.is_none());
    edge.stop().await;
}

#[tokio::test]
async fn a_follower_goes_on_at_another_edge_without_repeats_and_gaps() {
    let (servers, worker, edge) = start().await;
    worker.set(order(1), &[Accepted]);
    let mut events = follow(&edge, 1, None).await;
    worker.publish(order(1), reserved(), 1).await;
    assert_eq!(events.ids(2).await, ["accepted", "reserved"]);
    drop(events);
    worker.set(order(1), &[Accepted, Reserved, Paid]);
    let other = servers.start_edge().await;
    let mut events = follow(&other, 1, Some("reserved")).await;
    assert_eq!(events.ids(1).await, ["paid"]);
    worker.publish(order(1), fulfilled(), 1).await;
    assert_eq!(events.rest().await, ["fulfilled"]);
    // A browser connects again, and ends when it gets a 204.
    let again = events.client.get_events(&path(order(1)), Some("fulfilled")).await;
    assert_eq!((again.status, again.header("cache-control")), (204, Some("no-store")));
    assert_eq!(worker.asked(), 2, "what is final is not looked up");
    // An id that no event has counts as none.
    assert_eq!(follow(&edge, 1, Some("7")).await.ids(3).await, ["accepted", "reserved", "paid"]);
    // A client that has got the status in another way begins after it.
    let after =
        format!("GET {}/events?after=reserved HTTP/1.1\r\nhost: edge\r\n\r\n", path(order(1)));
    let mut client = edge.connect().await;
    client.send(after).await;
    assert_eq!(client.head_reply().await.status, 200);
    assert!(client.chunk().await.unwrap().starts_with("retry: 2000\n\nid: paid\n"));
    drop(client);
    edge.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn what_an_event_leaves_unclear_is_looked_up_once_for_all_followers() {
    let (_servers, worker, edge) = start().await;
    worker.set(order(1), &[Accepted]);
    let mut followers = Vec::new();
    for _ in 0..3 {
        let mut events = follow(&edge, 1, None).await;
        assert_eq!(events.ids(1).await, ["accepted"]);
        followers.push(events);
    }
    // The event before this one was lost.
    worker.set(order(1), &[Accepted, Reserved, Paid]);
    worker.publish(order(1), paid(), 1).await;
    for events in &mut followers {
        assert_eq!(events.ids(2).await, ["reserved", "paid"]);
    }
    assert_eq!(worker.asked(), 3 + 1);
    let reason = CancelReason::Requested { by: CancelledBy::Buyer };
    worker.set(order(1), &[Accepted, Reserved, Paid, Withdrawn]);
    worker.publish(order(1), EventBody::Withdrawn { reason }, 1).await;
    for events in &mut followers {
        assert_eq!(events.ids(1).await, ["withdrawn"]);
    }
    drop(followers);
    edge.stop().await;
}

#[tokio::test]
async fn a_stream_without_events_has_a_comment_every_ten_seconds() {
    let (_servers, worker, edge) = start().await;
    worker.set(order(1), &[Accepted]);
    let mut events = follow(&edge, 1, None).await;
    assert_eq!(events.ids(1).await, ["accepted"]);
    let began = Instant::now();
    for _ in 0..2 {
        assert_eq!(events.frame().await.unwrap(), ":");
    }
    // Longer than an idle connection stays open.
    assert!(began.elapsed() > Duration::from_secs(18));
    worker.publish(order(1), reserved(), 1).await;
    assert_eq!(events.ids(1).await, ["reserved"]);
    drop(events);
    edge.stop().await;
}

#[tokio::test]
async fn a_draining_edge_ends_the_streams_so_that_their_clients_go_elsewhere() {
    let (_servers, worker, edge) = start().await;
    worker.set(order(1), &[Accepted]);
    let mut events = follow(&edge, 1, None).await;
    assert_eq!(events.ids(1).await, ["accepted"]);
    let began = Instant::now();
    let stopped = edge.start_drain();
    assert_eq!(events.rest().await, [""; 0], "it ends as a whole response does");
    events.client.wait_closed().await;
    stopped.await.unwrap().unwrap();
    assert!(began.elapsed() < Duration::from_secs(15), "before the drain times out");
}

#[tokio::test]
async fn an_order_that_cannot_be_looked_up_is_not_followed() {
    let servers = TestServers::start_with_streams().await;
    let edge = servers.start_edge().await;
    let mut client = edge.connect().await;
    let events = format!("{}/events", path(order(1)));
    let reply = client.get(&events).await;
    reply.assert_problem(503, "status-unavailable");
    let unsigned = format!("/v1/orders/{}/events", order(1));
    client.get(&unsigned).await.assert_problem(404, "no-such-order");
    client.get(&format!("{events}?after=eaten")).await.assert_problem(400, "invalid-after");
    edge.stop().await;
}

#[tokio::test]
async fn a_follower_that_does_not_read_holds_back_no_other_and_gets_each_status_once() {
    let (_servers, worker, edge) = start().await;
    worker.set(order(1), &[Accepted]);
    let mut asleep = follow(&edge, 1, None).await;
    let mut awake = follow(&edge, 1, None).await;
    assert_eq!(awake.ids(1).await, ["accepted"]);
    for event in [reserved(), paid()] {
        for _ in 0..100 {
            worker.publish(order(1), event.clone(), RECORDS_MAX).await;
        }
    }
    worker.publish(order(1), fulfilled(), 1).await;
    assert_eq!(awake.rest().await, ["reserved", "paid", "fulfilled"]);
    assert_eq!(asleep.rest().await, ["accepted", "reserved", "paid", "fulfilled"]);
    edge.stop().await;
}

#[tokio::test]
async fn what_is_published_while_the_brokers_are_away_reaches_followers_when_they_are_back() {
    let (mut servers, worker, edge) = start().await;
    worker.set(order(1), &[Accepted, Reserved]);
    let mut events = follow(&edge, 1, None).await;
    assert_eq!(events.ids(2).await, ["accepted", "reserved"]);
    servers.processes.brokers.stop().await.unwrap();
    worker.set(order(1), &[Accepted, Reserved, Paid, Fulfilled]);
    servers.processes.brokers.start().await.unwrap();
    // No event comes any more.
    assert_eq!(events.rest().await, ["paid", "fulfilled"]);
    edge.stop().await;
}

#[tokio::test]
async fn events_come_again_after_there_was_no_follower_for_a_while() {
    let (servers, worker, edge) = start().await;
    worker.set(order(1), &[Accepted]);
    drop(follow(&edge, 1, None).await);
    let is_subscribed = async || {
        let url = servers.processes.brokers.monitor_urls().remove(0);
        get(&format!("{url}/connz?subs=1")).await.contains("orders.*.paid")
    };
    assert!(is_subscribed().await);
    wait_until("nothing is subscribed to", async || !is_subscribed().await).await;
    let mut events = follow(&edge, 1, None).await;
    worker.publish(order(1), reserved(), 1).await;
    assert_eq!(events.ids(2).await, ["accepted", "reserved"]);
    drop(events);
    edge.stop().await;
}
