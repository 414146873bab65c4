//! A client that prefers to wait (`Prefer: wait`) is answered as soon as there is news, and not later than it asked.

use std::time::{Duration, Instant};

use orders::{EventBody, OrderId, Status};
use serde_json::{Value, json};

use super::raw_http::{ORDER, RawHttp, Reply, post, with_headers};
use super::status_worker::{StatusWorker, fulfilled, order, paid, path, reserved};
use super::test_edge::{TestEdge, fresh_key};
use crate::test_servers::TestServers;

use Status::{Accepted, Fulfilled, Paid, RequiresAction, Reserved};

/// Longer than any wait of an edge.
const LONG: &str = "wait=999";
/// What an edge grants of it.
const GRANTED: Option<&str> = Some("wait=25");

impl RawHttp {
    async fn send_get(&mut self, path: &str, prefer: &str) {
        self.send(format!("GET {path} HTTP/1.1\r\nhost: edge\r\nprefer: {prefer}\r\n\r\n")).await;
    }

    async fn get_waiting(&mut self, path: &str, prefer: &str) -> Reply {
        self.send_get(path, prefer).await;
        self.reply().await
    }

    async fn send_post(&mut self, key: &str, prefer: &str) {
        let request = post(key, ORDER);
        self.send(with_headers(&request, &format!("prefer: {prefer}\r\n"))).await;
    }
}

async fn start() -> (TestServers, StatusWorker, TestEdge) {
    let servers = TestServers::start_with_streams().await;
    let worker = StatusWorker::start(&servers).await;
    let edge = servers.start_edge().await;
    (servers, worker, edge)
}

/// The order that is placed under `key`.
fn placed(key: &str) -> OrderId {
    OrderId::derive(&orders::CallerName::PUBLIC, &key.parse().unwrap())
}

fn assert_applied(reply: &Reply, status: u16, applied: Option<&str>) -> Value {
    assert_eq!((reply.status, reply.header("preference-applied")), (status, applied), "{reply:?}");
    reply.json()
}

#[tokio::test]
async fn a_get_that_waits_is_answered_when_the_status_is_not_the_one_that_the_client_knows() {
    let (_servers, worker, edge) = start().await;
    let mut client = edge.connect().await;
    worker.set(order(1), &[Accepted, Reserved]);
    let known = format!("{}?fields=status&after=reserved", path(order(1)));
    client.send_get(&known, LONG).await;
    worker.wait_until_asked(0).await;
    worker.set(order(1), &[Accepted, Reserved, Paid]);
    worker.publish(order(1), paid(), 1).await;
    let shown = assert_applied(&client.reply().await, 200, GRANTED);
    assert_eq!(shown["status"], "paid");
    assert_eq!(shown["history"].as_array().unwrap().len(), 3, "as without a wait");
    assert_eq!(worker.asked(), 2, "once at the start, and once because of the event");
    // What it knows is older than the status: it is answered at once.
    let shown = assert_applied(&client.get_waiting(&known, LONG).await, 200, GRANTED);
    assert_eq!((&shown["status"], worker.asked()), (&json!("paid"), 3));
    edge.stop().await;
}

#[tokio::test]
async fn a_get_that_waits_and_knows_nothing_is_answered_at_the_end_of_the_order() {
    let (_servers, worker, edge) = start().await;
    let mut client = edge.connect().await;
    let status = format!("{}?fields=status", path(order(1)));
    client.send_get(&status, LONG).await;
    worker.wait_until_asked(0).await;
    for event in [reserved(), paid(), fulfilled()] {
        worker.publish(order(1), event, 1).await;
    }
    // The worker finds no rows yet: what the events say is shown.
    let shown = assert_applied(&client.reply().await, 200, GRANTED);
    assert_eq!(shown["status"], "fulfilled");
    let history = shown["history"].as_array().unwrap();
    assert_eq!(history.len(), 3, "{history:?}");
    // An order that is final already.
    worker.set(order(2), &[Accepted, Reserved, Paid, Fulfilled]);
    let shown = client.get_waiting(&path(order(2)), LONG).await.json();
    assert_eq!(shown["status"], "fulfilled");
    edge.stop().await;
}

#[tokio::test]
async fn without_news_the_status_is_that_at_the_end_of_the_wait() {
    let (_servers, worker, edge) = start().await;
    let mut client = edge.connect().await;
    worker.set(order(1), &[Accepted, Reserved]);
    let status = format!("{}?fields=status", path(order(1)));
    let began = Instant::now();
    let reply = client.get_waiting(&status, "wait=1").await;
    assert_eq!(assert_applied(&reply, 200, Some("wait=1"))["status"], "reserved");
    assert!(began.elapsed() >= Duration::from_secs(1));
    assert_eq!(worker.asked(), 1, "nothing was asked again");
    // Not the end, and yet another status.
    client.send_get(&status, "wait=2").await;
    worker.wait_until_asked(1).await;
    worker.set(order(1), &[Accepted, Reserved, Paid]);
    worker.publish(order(1), paid(), 1).await;
    assert_eq!(client.reply().await.json()["status"], "paid");
    edge.stop().await;
}

#[tokio::test]
async fn a_preference_that_is_none_is_ignored_and_a_status_that_is_none_is_refused() {
    let (_servers, worker, edge) = start().await;
    let mut client = edge.connect().await;
    worker.set(order(1), &[Accepted]);
    for prefer in ["wait", "wait=soon", "wait=-1", "respond-async", "\"wait=20\""] {
        let reply = client.get_waiting(&path(order(1)), prefer).await;
        assert_eq!(assert_applied(&reply, 200, None)["status"], "accepted", "{prefer}");
        client.send_post(&fresh_key(), prefer).await;
        assert_eq!(assert_applied(&client.reply().await, 202, None)["status"], "accepted");
    }
    let unknown = format!("{}?after=eaten", path(order(1)));
    client.get_waiting(&unknown, LONG).await.assert_problem(400, "invalid-after");
    edge.stop().await;
}

#[tokio::test]
async fn a_placed_order_is_answered_with_its_end_to_a_client_that_waits_for_it() {
    let (_servers, worker, edge) = start().await;
    let mut client = edge.connect().await;
    let key = fresh_key();
    client.send_post(&key, LONG).await;
    worker.wait_until_asked(0).await;
    for event in [reserved(), paid(), fulfilled()] {
        worker.publish(placed(&key), event, 1).await;
    }
    let reply = client.reply().await;
    let shown = assert_applied(&reply, 202, GRANTED);
    assert_eq!((&shown["status"], &shown["reason"]), (&json!("fulfilled"), &Value::Null));
    assert!(shown["body_digest"].is_string() && shown["durability"] == "single");
    assert_eq!(reply.header("location"), Some(path(placed(&key)).as_str()));
    assert_eq!(worker.asked(), 1);
    edge.stop().await;
}

#[tokio::test]
async fn a_placed_order_that_needs_its_buyer_is_answered_with_what_the_buyer_has_to_do() {
    let (_servers, worker, edge) = start().await;
    let mut client = edge.connect().await;
    let key = fresh_key();
    client.send_post(&key, LONG).await;
    worker.wait_until_asked(0).await;
    let action = json!({"type": "new_payment_method", "decline_code": "expired_card"});
    let view = json!({"next_action": action});
    worker.set_with(placed(&key), &[Accepted, Reserved, RequiresAction], &view);
    worker.publish(placed(&key), reserved(), 1).await;
    worker.publish(placed(&key), EventBody::RequiresAction, 1).await;
    let shown = assert_applied(&client.reply().await, 202, GRANTED);
    assert_eq!((&shown["status"], &shown["next_action"]), (&json!("requires_action"), &action));
    edge.stop().await;
}

#[tokio::test]
async fn whatever_happens_while_it_is_waited_for_a_placed_order_is_answered_202() {
    let servers = TestServers::start_with_streams().await;
    let edge = servers.start_edge().await;
    let mut client = edge.connect().await;
    // No worker answers, and no event comes.
    client.send_post(&fresh_key(), "wait=2").await;
    let shown = assert_applied(&client.reply().await, 202, Some("wait=2"));
    assert_eq!(shown["status"], "accepted");
    let worker = StatusWorker::start(&servers).await;
    client.send_post(&fresh_key(), "wait=1").await;
    let shown = assert_applied(&client.reply().await, 202, Some("wait=1"));
    assert_eq!((&shown["status"], worker.asked()), (&json!("accepted"), 1));
    // The row has another body.
    let key = fresh_key();
    let digest = json!({"body_digest": "00000000000000000000000000000000"});
    worker.set_with(placed(&key), &[Accepted, Reserved], &digest);
    client.send_post(&key, LONG).await;
    client.reply().await.assert_problem(422, "idempotency-key-reused");
    edge.stop().await;
}

#[tokio::test]
async fn a_draining_edge_answers_those_that_wait_at_once() {
    let (_servers, worker, edge) = start().await;
    let (mut buyer, mut client) = (edge.connect().await, edge.connect().await);
    worker.set(order(1), &[Accepted, Reserved]);
    client.send_get(&format!("{}?fields=status", path(order(1))), LONG).await;
    worker.wait_until_asked(0).await;
    buyer.send_post(&fresh_key(), LONG).await;
    worker.wait_until_asked(1).await;
    let began = Instant::now();
    let stopped = edge.start_drain();
    assert_eq!(assert_applied(&client.reply().await, 200, GRANTED)["status"], "reserved");
    assert_eq!(assert_applied(&buyer.reply().await, 202, GRANTED)["status"], "accepted");
    stopped.await.unwrap().unwrap();
    assert!(began.elapsed() < Duration::from_secs(15), "before the waits are over");
}
