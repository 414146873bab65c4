//! Requests to cancel: stored for fulfilment to decide, or answered from the known status.

use futures_util::future::join_all;
use orders::{CallerName, CancelledBy, OrderId};
use serde_json::{Value, json};
use streams::Lane;
use streams::Request;
use streams::subjects::STATUS_GET;

use super::raw_http::{ORDER, RawHttp, Reply};
use super::test_edge::{fresh_key, order_id, signing_keys};
use crate::test_servers::{TestServers, wait_until};

#[tokio::test]
async fn a_cancel_request_that_is_answered_202_is_stored_in_the_stream() {
    let servers = TestServers::shared().await;
    let edge = servers.start_edge().await;
    let mut client = edge.connect().await;
    let placed = client.post(&fresh_key(), ORDER).await.json();
    for _ in 0..2 {
        let reply = cancel(&mut client, placed["order_id"].as_str().unwrap()).await;
        assert_eq!((reply.status, reply.header("cache-control")), (202, Some("no-store")));
        // No worker says which status it has.
        let expected = json!({"order_id": placed["order_id"], "status": null});
        assert_eq!(reply.json(), expected);
    }
    let requests = servers.cancel_requested(order_id(&placed)).await;
    let by = serde_json::to_value(CancelledBy::Buyer).unwrap();
    assert!((1..=2).contains(&requests.len()));
    assert!(requests.iter().all(|event| event["event"]["cancel_requested"]["by"] == by));
    edge.stop().await;
}

#[tokio::test]
async fn concurrent_cancel_requests_for_many_orders_are_all_stored() {
    let servers = TestServers::shared().await;
    let edge = servers.start_edge().await;
    let ids: Vec<String> = (0..20).map(|byte| signed_id(100 + byte)).collect();
    let replies = join_all(ids.iter().chain(&ids).map(|id| async {
        let mut client = edge.connect().await;
        cancel(&mut client, id).await.status
    }));
    assert_eq!(replies.await, [202; 40]);
    for byte in 100..120 {
        let requests = servers.cancel_requested(OrderId::from_bytes([byte; 16])).await;
        assert!((1..=2).contains(&requests.len()), "{requests:?}");
    }
    edge.stop().await;
}

#[tokio::test]
async fn an_order_id_that_no_edge_signed_cannot_be_cancelled() {
    let edge = TestServers::shared().await.start_edge().await;
    let mut client = edge.connect().await;
    let mut forged = signed_id(1);
    forged.replace_range(40.., "00000000");
    for id in [forged.as_str(), "", "1", &"f".repeat(48)] {
        cancel(&mut client, id).await.assert_problem(404, "no-such-order");
    }
    let path = format!("/v1/orders/{}/cancel", signed_id(1));
    let reply = client.get(&path).await;
    reply.assert_problem(405, "method-not-allowed");
    assert_eq!(reply.header("allow"), Some("POST, OPTIONS"));
    client.get(&format!("{path}/twice")).await.assert_problem(404, "not-found");
    edge.stop().await;
}

#[tokio::test]
async fn a_cancel_request_needs_a_header_that_no_web_page_sends_unasked() {
    let servers = TestServers::shared().await;
    let edge = servers.start_edge().await;
    let mut client = edge.connect().await;
    let id = signed_id(90);
    for unasked in [
        "",
        "content-type: text/plain\r\n",
        "content-type: application/x-www-form-urlencoded\r\n",
        "content-type: multipart/form-data; boundary=application/json\r\n",
        "accept: application/json\r\n",
    ] {
        let reply = cancel_with(&mut client, &id, unasked).await;
        reply.assert_problem(400, "header-missing");
        let detail = reply.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains("Idempotency-Key") && detail.contains("application/json"));
    }
    assert_eq!(servers.cancel_requested(OrderId::from_bytes([90; 16])).await, [Value::Null; 0]);
    for sent in ["idempotency-key: any\r\n", "content-type: application/json\r\n"] {
        assert_eq!(cancel_with(&mut client, &id, sent).await.status, 202);
    }
    edge.stop().await;
}

#[tokio::test]
async fn the_known_status_decides_whether_a_cancel_request_is_stored_answered_or_refused() {
    let servers = TestServers::start_with_streams().await;
    let mut requests = servers.worker_requests(STATUS_GET).await;
    let answering = tokio::spawn(async move {
        while let Some(request) = requests.next().await {
            answer(request).await;
        }
    });
    let edge = servers.start_edge().await;
    let mut client = edge.connect().await;
    for (byte, status) in STATUSES {
        let reply = cancel(&mut client, &signed_id(byte)).await;
        let requests = servers.cancel_requested(OrderId::from_bytes([byte; 16])).await;
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
    edge.stop().await;
}

#[tokio::test]
async fn a_cancel_request_gets_503_without_a_broker_and_202_once_it_is_back() {
    let mut servers = TestServers::start_with_streams().await;
    let edge = servers.start_edge().await;
    let mut client = edge.connect().await;
    servers.processes.brokers.stop().await.unwrap();
    let reply = cancel(&mut client, &signed_id(1)).await;
    reply.assert_problem(503, "ack-timeout");
    assert_eq!(reply.header("retry-after"), Some("1"));
    servers.processes.brokers.start().await.unwrap();
    wait_until("cancel requests are accepted again", async || {
        cancel(&mut client, &signed_id(1)).await.status == 202
    })
    .await;
    edge.stop().await;
}

/// The status that the workers report for the order whose id repeats this byte.
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

async fn answer(request: Request) {
    let ids: Vec<OrderId> = serde_json::from_slice(&request.payload).unwrap();
    let view = |id: &OrderId| {
        let (_, status) = STATUSES.iter().find(|(byte, _)| *byte == id.as_bytes()[0]).unwrap();
        json!({"status": status, "reason": null, "history": []})
    };
    let views: Vec<Value> = ids.iter().map(view).collect();
    request.reply(serde_json::to_vec(&views).unwrap()).await;
}

fn signed_id(byte: u8) -> String {
    signing_keys().sign(OrderId::from_bytes([byte; 16]), &CallerName::PUBLIC).to_string()
}

async fn cancel(client: &mut RawHttp, id: &str) -> Reply {
    cancel_with(client, id, "idempotency-key: cancel\r\n").await
}

async fn cancel_with(client: &mut RawHttp, id: &str, headers: &str) -> Reply {
    client
        .send(format!(
            "POST /v1/orders/{id}/cancel HTTP/1.1\r\nhost: edge\r\n{headers}content-length: 0\r\n\r\n"
        ))
        .await;
    client.reply().await
}

impl TestServers {
    /// The stored requests to cancel one order.
    async fn cancel_requested(&self, id: OrderId) -> Vec<Value> {
        let connection = self.connect().await;
        if streams::stream_state(&connection, Lane::FIRST.stream()).await.unwrap().messages == 0 {
            return Vec::new();
        }
        let mut events = self.stored_batches().await.concat();
        events.retain(|event| {
            event["order_id"] == id.to_string() && event["event"]["cancel_requested"].is_object()
        });
        events
    }
}
