//! The status of an order, with and without workers that know it.

use futures_util::future::join_all;
use serde_json::{Value, json};
use streams::WorkerState;
use streams::subjects::STATUS_GET;
use workers::inventory;

use super::raw_http::ORDER;
use super::test_edge::{TestEdge, fresh_key, signing_keys};
use crate::test_servers::TestServers;

/// The digest of the body that the worker of these tests reports.
const DIGEST: &str = "0123456789abcdef0123456789abcdef";

#[tokio::test]
async fn an_order_is_found_right_after_its_202_even_without_workers_and_redis() {
    let mut servers = TestServers::start_with_streams().await;
    let edge = servers.start_edge().await;
    let mut client = edge.connect().await;
    let placed = client.post(&fresh_key(), ORDER).await;
    servers.processes.redis.kill().await.unwrap();
    let reply = client.get(placed.header("location").unwrap()).await;
    assert_eq!((reply.status, reply.header("cache-control")), (200, Some("no-store")));
    let id = placed.json()["order_id"].clone();
    let expected = json!({
        "order_id": id, "status": "accepted", "reason": null, "history": [], "current": false,
    });
    assert_eq!(reply.json(), expected);
    edge.stop().await;
}

#[tokio::test]
async fn the_status_that_workers_report_is_shown() {
    let servers = TestServers::start_with_streams().await;
    let connection = servers.connect().await;
    let service = connection.register_worker(inventory::POOL, WorkerState::default).await.unwrap();
    let mut requests = service.requests(STATUS_GET).await.unwrap();
    let answering = tokio::spawn(async move {
        let mut batches = 0;
        while let Some(request) = requests.next().await {
            let ids: Vec<String> = serde_json::from_slice(&request.payload).unwrap();
            assert!(ids.len() <= 256);
            batches += 1;
            let view = |id: &String| if id.starts_with('0') { Value::Null } else { rejected() };
            let answer: Vec<_> = ids.iter().map(view).collect();
            request.reply(serde_json::to_vec(&answer).unwrap()).await;
            if ids.iter().any(|id| id.starts_with('f')) {
                return batches;
            }
        }
        batches
    });
    connection.flush().await;
    let edge = servers.start_edge().await;

    let unseen = get_status(&edge, 0x00).await;
    assert_eq!(unseen["current"], true);
    assert_eq!((&unseen["status"], &unseen["history"]), (&json!("accepted"), &json!([])));
    assert_eq!(unseen.get("body_digest"), None);
    for shown in join_all((0..200).map(|_| get_status(&edge, 0x10))).await {
        assert_eq!((&shown["status"], &shown["current"]), (&json!("rejected"), &json!(true)));
        assert_eq!(shown["reason"], json!({"code": "out_of_stock", "skus": ["A"]}));
        assert_eq!(shown["body_digest"], DIGEST);
        assert_eq!(
            shown["history"][1],
            json!({"status": "rejected", "at": "1970-01-01T00:00:01.5Z"})
        );
    }
    get_status(&edge, 0xff).await;
    assert!(answering.await.unwrap() <= 202);
    // Now no worker responds any more.
    assert_eq!(get_status(&edge, 0x10).await["current"], false);
    edge.stop().await;
}

#[tokio::test]
async fn an_invalid_reply_from_a_worker_is_ignored() {
    let servers = TestServers::start_with_streams().await;
    let connection = servers.connect().await;
    let service = connection.register_worker(inventory::POOL, WorkerState::default).await.unwrap();
    let mut requests = service.requests(STATUS_GET).await.unwrap();
    let answering = tokio::spawn(async move {
        for invalid in ["[]", "{}", "[{\"status\":\"eaten\"}]", ""] {
            requests.next().await.unwrap().reply(invalid.into()).await;
        }
    });
    connection.flush().await;
    let edge = servers.start_edge().await;
    for _ in 0..4 {
        assert_eq!(get_status(&edge, 0x10).await["current"], false);
    }
    answering.await.unwrap();
    edge.stop().await;
}

async fn get_status(edge: &TestEdge, first_byte: u8) -> Value {
    let id = signing_keys().sign(orders::OrderId::from_bytes([first_byte; 16]));
    let reply = edge.connect().await.get(&format!("/v1/orders/{id}")).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()
}

fn rejected() -> Value {
    json!({
        "status": "rejected",
        "reason": {"code": "out_of_stock", "skus": ["A"]},
        "history": [{"status": "accepted", "at_ms": 0}, {"status": "rejected", "at_ms": 1500}],
        "body_digest": DIGEST,
    })
}
