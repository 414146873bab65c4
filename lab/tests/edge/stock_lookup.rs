//! Stock on hand: concurrent lookups are coalesced, and what is not known is not taken for something else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use futures_util::future::{join, join_all};
use serde_json::{Value, json};
use streams::subjects::STOCK_GET;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::test_edge::DEADLINE;
use crate::test_servers::TestServers;

/// The number of lookups of each SKU that reached the worker.
pub(super) type LookupCounts = Arc<Mutex<HashMap<String, usize>>>;

#[tokio::test]
async fn concurrent_lookups_of_a_sku_reach_a_worker_once() {
    let servers = TestServers::start_with_streams().await;
    let (lookups, answering) = answer_stock(&servers).await;
    let edge = servers.start_edge_with(2, 256).await;
    let deadline = Instant::now() + DEADLINE;
    for round in 0.. {
        let name = format!("BANK CHARGES {round}");
        let path = format!("/v1/stock/BANK%20CHARGES%20{round}");
        let replies = (0..50).map(|_| async { edge.connect().await.get(&path).await });
        for reply in join_all(replies).await {
            assert_eq!((reply.status, reply.header("cache-control")), (200, Some("no-store")));
            let expected = json!({ "sku": name, "on_hand": 5, "unit_price": 255, "currency": "GBP", "exponent": 2 });
            assert_eq!(reply.json(), expected);
        }
        // On a busy machine the write to Redis may time out, which causes another lookup.
        if lookups.lock().unwrap()[&name] == 1 {
            break;
        }
        assert!(Instant::now() < deadline, "more than one lookup in each of {round} rounds");
    }
    answering.abort();
    edge.stop().await;
}

#[tokio::test]
async fn several_skus_are_looked_up_at_once_and_unknown_ones_are_listed() {
    let servers = TestServers::start_with_streams().await;
    let (_, answering) = answer_stock(&servers).await;
    let edge = servers.start_edge().await;
    let mut client = edge.connect().await;
    let list = client.get("/v1/stock?sku=B&sku=XX&sku=A+1&sku=B").await.json();
    let skus: Vec<_> = list["stock"].as_array().unwrap().iter().map(|item| &item["sku"]).collect();
    assert_eq!(skus, ["B", "A 1"]);
    assert_eq!(list["unknown"], json!(["XX"]));
    client.get("/v1/stock/XX").await.assert_problem(404, "no-such-sku");
    client.get("/v1/stock/XX").await.assert_problem(404, "no-such-sku");
    for query in ["", "?", "?sku=", "?sku=A&page=2"] {
        client.get(&format!("/v1/stock{query}")).await.assert_problem(400, "invalid-stock-query");
    }
    answering.abort();
    edge.stop().await;
}

#[tokio::test]
async fn stock_is_unavailable_without_workers() {
    let servers = TestServers::shared().await;
    let edge = servers.start_edge().await;
    let reply = edge.connect().await.get("/v1/stock/A").await;
    reply.assert_problem(503, "stock-unavailable");
    assert_eq!(reply.header("retry-after"), Some("1"));
    edge.stop().await;
}

#[tokio::test]
async fn a_sku_without_an_answer_is_not_taken_for_one_that_is_not_in_the_catalogue() {
    let servers = TestServers::start_with_streams().await;
    let mut requests = servers.worker_requests(STOCK_GET).await;
    let edge = servers.start_edge().await;
    let mut client = edge.connect().await;
    let answering = async {
        let unanswered = json!([{"unanswered": "too_large", "bytes": 9}]);
        requests.next().await.unwrap().reply(unanswered.to_string().into()).await;
    };
    let (reply, ()) = join(client.get("/v1/stock/A"), answering).await;
    reply.assert_problem(503, "stock-unavailable");
    edge.stop().await;
}

/// Responds to lookups as an inventory worker would; SKUs with an X are unknown. Returns the counts
/// of the lookups, and the task to abort.
pub(super) async fn answer_stock(servers: &TestServers) -> (LookupCounts, JoinHandle<()>) {
    let mut requests = servers.worker_requests(STOCK_GET).await;
    let lookups = LookupCounts::default();
    let counts = lookups.clone();
    let answering = tokio::spawn(async move {
        while let Some(request) = requests.next().await {
            let skus: Vec<String> = serde_json::from_slice(&request.payload).unwrap();
            let mut answer = Vec::new();
            for sku in skus {
                let known = !sku.contains('X');
                answer.push(if known { stock(&sku, 5, 4) } else { Value::Null });
                *counts.lock().unwrap().entry(sku).or_default() += 1;
            }
            request.reply(serde_json::to_vec(&answer).unwrap()).await;
        }
    });
    (lookups, answering)
}

pub(super) fn stock(sku: &str, on_hand: i64, version: i64) -> Value {
    let unit_price = json!({"amount": 255, "currency": "GBP"});
    json!({"sku": sku, "on_hand": on_hand, "unit_price": unit_price, "version": version})
}
