//! Orders that are accepted.

use serde_json::json;

use super::raw_http::ORDER;
use super::test_edge::{TestEdge, fresh_key, order_id};
use crate::test_servers::TestServers;

#[tokio::test]
async fn an_order_that_is_answered_202_is_stored_in_the_stream() {
    let servers = TestServers::shared().await;
    let edge = servers.start_edge().await;
    let reply = edge.connect().await.post(&fresh_key(), ORDER).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.header("idempotent-replayed"), None);
    let body = reply.json();
    let location = format!("/v1/orders/{}", body["order_id"].as_str().unwrap());
    assert_eq!(reply.header("location"), Some(location.as_str()));
    assert_eq!((&body["status"], &body["durability"]), (&json!("accepted"), &json!("single")));

    let events = servers.stored_events_of(order_id(&body)).await;
    let created = &events[0]["event"]["created"];
    assert_eq!(created["order"]["total"], json!({"amount": 1530, "currency": "GBP"}));
    assert_eq!(created["order"]["lines"][0]["sku"], "85123A");
    assert_eq!(events.len(), 1);
    edge.stop().await;
}

#[tokio::test]
async fn with_a_max_batch_of_one_each_order_has_its_own_message() {
    let servers = TestServers::shared().await;
    let edge = servers.start_edge_with(1, 1).await;
    let ids = place_concurrently(&edge, 40).await;
    let batches = servers.stored_batches().await;
    for id in ids {
        let batch = batches.iter().find(|batch| batch.iter().any(|event| event["order_id"] == id));
        assert_eq!(batch.unwrap().len(), 1);
    }
    edge.stop().await;
}

#[tokio::test]
async fn an_edge_with_two_cores_stores_every_order_once() {
    let servers = TestServers::shared().await;
    let edge = servers.start_edge_with(2, 256).await;
    let ids = place_concurrently(&edge, 100).await;
    let stored = servers.stored_batches().await.concat();
    for id in ids {
        assert_eq!(stored.iter().filter(|event| event["order_id"] == id).count(), 1);
    }
    edge.stop().await;
}

/// Places orders concurrently, each over its own connection, and returns their ids.
async fn place_concurrently(edge: &TestEdge, count: usize) -> Vec<String> {
    let placed = (0..count).map(|_| async {
        let reply = edge.connect().await.post(&fresh_key(), ORDER).await;
        assert_eq!(reply.status, 202, "{reply:?}");
        order_id(&reply.json()).to_string()
    });
    futures_util::future::join_all(placed).await
}
