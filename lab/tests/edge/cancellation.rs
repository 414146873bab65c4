//! Requests to cancel: stored for fulfilment to decide, or answered from what is known.

use futures_util::future::join_all;
use orders::{CancelledBy, OrderId};
use serde_json::{Value, json};
use streams::names::{ORDERS, STATUS_GET};
use streams::{Pool, Request, WorkerState};

use super::raw_http::{ORDER, Reply, Talk};
use super::test_edge::{House, fresh_key, order_id, secrets};

#[tokio::test]
async fn a_request_that_is_answered_202_stands_in_the_stream() {
    let house = House::shared().await;
    let door = house.open_door().await;
    let mut talk = door.talk().await;
    let placed = talk.post(&fresh_key(), ORDER).await.json();
    for _ in 0..2 {
        let reply = cancel(&mut talk, placed["order_id"].as_str().unwrap()).await;
        assert_eq!((reply.status, reply.header("cache-control")), (202, Some("no-store")));
        let expected = json!({"order_id": placed["order_id"], "status": "accepted"});
        assert_eq!(reply.json(), expected);
    }
    let requests = house.cancel_requested(order_id(&placed)).await;
    let by = serde_json::to_value(CancelledBy::Buyer).unwrap();
    assert!((1..=2).contains(&requests.len()));
    assert!(requests.iter().all(|event| event["event"]["cancel_requested"]["by"] == by));
    door.close().await;
}

#[tokio::test]
async fn requests_that_come_together_travel_together_and_one_for_each_order() {
    let house = House::shared().await;
    let door = house.open_door().await;
    let ids: Vec<String> = (0..20).map(|byte| proven(100 + byte)).collect();
    let replies = join_all(ids.iter().chain(&ids).map(|id| async {
        let mut talk = door.talk().await;
        cancel(&mut talk, id).await.status
    }));
    assert_eq!(replies.await, [202; 40]);
    for byte in 100..120 {
        let requests = house.cancel_requested(OrderId::from_bytes([byte; 16])).await;
        assert!((1..=2).contains(&requests.len()), "{requests:?}");
    }
    door.close().await;
}

#[tokio::test]
async fn an_id_that_no_edge_made_cannot_be_cancelled() {
    let door = House::shared().await.open_door().await;
    let mut talk = door.talk().await;
    let mut forged = proven(1);
    forged.replace_range(40.., "00000000");
    for id in [forged.as_str(), "", "1", &"f".repeat(48)] {
        cancel(&mut talk, id).await.assert_problem(404, "no-such-order");
    }
    let path = format!("/v1/orders/{}/cancel", proven(1));
    let reply = talk.get(&path).await;
    reply.assert_problem(405, "method-not-allowed");
    assert_eq!(reply.header("allow"), Some("POST"));
    talk.get(&format!("{path}/twice")).await.assert_problem(404, "not-found");
    door.close().await;
}

#[tokio::test]
async fn what_is_known_decides_whether_it_is_too_late_or_done_already() {
    let house = House::start().await;
    let connection = house.connect().await;
    let service = connection.serve(Pool::Fulfilment, WorkerState::default).await.unwrap();
    let mut questions = service.questions(STATUS_GET).await.unwrap();
    let answering = tokio::spawn(async move {
        while let Some(question) = questions.next().await {
            answer(question).await;
        }
    });
    connection.flush().await;
    let door = house.open_door().await;
    let mut talk = door.talk().await;
    for (byte, status) in STATUSES {
        let reply = cancel(&mut talk, &proven(byte)).await;
        let requests = house.cancel_requested(OrderId::from_bytes([byte; 16])).await;
        match status {
            "fulfilled" | "rejected" => {
                reply.assert_problem(409, "not-cancellable");
                assert!(reply.json()["detail"].as_str().unwrap().contains(status));
                assert!(requests.is_empty());
            }
            "declined" | "withdrawn" | "refunded" | "cancelled" => {
                assert_eq!((reply.status, &reply.json()["status"]), (202, &json!(status)));
                assert!(requests.is_empty());
            }
            _ => {
                assert_eq!((reply.status, &reply.json()["status"]), (202, &json!(status)));
                assert_eq!(requests.len(), 1);
            }
        }
    }
    answering.abort();
    door.close().await;
}

#[tokio::test]
async fn without_a_broker_a_request_gets_503_and_with_it_202() {
    let mut house = House::start().await;
    let door = house.open_door().await;
    let mut talk = door.talk().await;
    house.servers.brokers.stop().await.unwrap();
    let reply = cancel(&mut talk, &proven(1)).await;
    reply.assert_problem(503, "ack-timeout");
    assert_eq!(reply.header("retry-after"), Some("1"));
    house.servers.brokers.start().await.unwrap();
    while cancel(&mut talk, &proven(1)).await.status != 202 {}
    door.close().await;
}

/// What the workers say of the order whose id is so many times this byte.
const STATUSES: [(u8, &str); 9] = [
    (1, "accepted"),
    (2, "reserved"),
    (3, "paid"),
    (4, "declined"),
    (5, "withdrawn"),
    (6, "refunded"),
    (7, "rejected"),
    (8, "cancelled"),
    (9, "fulfilled"),
];

async fn answer(question: Request) {
    let ids: Vec<OrderId> = serde_json::from_slice(&question.payload).unwrap();
    let view = |id: &OrderId| {
        let (_, status) = STATUSES.iter().find(|(byte, _)| *byte == id.as_bytes()[0]).unwrap();
        json!({"status": status, "reason": null, "history": []})
    };
    let views: Vec<Value> = ids.iter().map(view).collect();
    question.answer(serde_json::to_vec(&views).unwrap()).await;
}

fn proven(byte: u8) -> String {
    secrets().sign(OrderId::from_bytes([byte; 16])).to_string()
}

async fn cancel(talk: &mut Talk, id: &str) -> Reply {
    talk.send(format!(
        "POST /v1/orders/{id}/cancel HTTP/1.1\r\nhost: edge\r\ncontent-length: 0\r\n\r\n"
    ))
    .await;
    talk.reply().await
}

impl House {
    /// The requests to cancel one order.
    async fn cancel_requested(&self, id: OrderId) -> Vec<Value> {
        let connection = self.connect().await;
        if streams::stream_state(&connection, ORDERS).await.unwrap().messages == 0 {
            return Vec::new();
        }
        let mut events = self.created().await.concat();
        events.retain(|event| {
            event["order_id"] == id.to_string() && event["event"]["cancel_requested"].is_object()
        });
        events
    }
}
