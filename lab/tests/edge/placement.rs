//! Orders that are taken in.

use serde_json::json;

use super::raw_http::ORDER;
use super::test_edge::{House, fresh_key, order_id};

#[tokio::test]
async fn an_order_that_is_answered_202_stands_in_the_stream() {
    let house = House::shared().await;
    let door = house.open_door().await;
    let reply = door.talk().await.post(&fresh_key(), ORDER).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.header("idempotent-replayed"), None);
    let body = reply.json();
    let location = format!("/v1/orders/{}", body["order_id"].as_str().unwrap());
    assert_eq!(reply.header("location"), Some(location.as_str()));
    assert_eq!((&body["status"], &body["durability"]), (&json!("accepted"), &json!("single")));

    let events = house.created_under(order_id(&body)).await;
    let created = &events[0]["event"]["created"];
    assert_eq!(created["order"]["total"], json!({"amount": 1530, "currency": "GBP"}));
    assert_eq!(created["order"]["lines"][0]["sku"], "85123A");
    assert_eq!(events.len(), 1);
    door.close().await;
}

#[tokio::test]
async fn with_a_max_batch_of_one_each_order_has_a_message_of_its_own() {
    let house = House::shared().await;
    let door = house.open_door_with(1, 1).await;
    let ids = place_at_once(&door, 40).await;
    let batches = house.created().await;
    for id in ids {
        let its = batches.iter().find(|batch| batch.iter().any(|event| event["order_id"] == id));
        assert_eq!(its.unwrap().len(), 1);
    }
    door.close().await;
}

#[tokio::test]
async fn every_core_takes_orders_in() {
    let house = House::shared().await;
    let door = house.open_door_with(2, 256).await;
    let ids = place_at_once(&door, 100).await;
    let stored = house.created().await.concat();
    for id in ids {
        assert_eq!(stored.iter().filter(|event| event["order_id"] == id).count(), 1);
    }
    door.close().await;
}

/// Places orders over a connection each, and gives the ids that were promised.
async fn place_at_once(door: &super::test_edge::Door, count: usize) -> Vec<String> {
    let placed = (0..count).map(|_| async {
        let reply = door.talk().await.post(&fresh_key(), ORDER).await;
        assert_eq!(reply.status, 202, "{reply:?}");
        order_id(&reply.json()).to_string()
    });
    futures_util::future::join_all(placed).await
}
