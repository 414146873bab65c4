//! Stock on hand: concurrent lookups are coalesced, cached for two seconds, and never replaced by
//! an older value.

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
type LookupCounts = Arc<Mutex<HashMap<String, usize>>>;

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
            let expected =
                json!({ "sku": name, "on_hand": 5, "unit_price": 255, "currency": "GBP" });
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
    client.get("/v1/stock/%FF").await.assert_problem(404, "no-such-sku");
    for query in ["", "?", "?sku=", "?sku=A&page=2"] {
        client.get(&format!("/v1/stock{query}")).await.assert_problem(400, "invalid-stock-query");
    }
    answering.abort();
    edge.stop().await;
}

#[tokio::test]
async fn an_older_reply_does_not_replace_a_newer_cached_value() {
    let servers = TestServers::start_with_streams().await;
    let mut requests = servers.worker_requests(STOCK_GET).await;
    let client = redis::Client::open(servers.processes.redis.url()).unwrap();
    let mut redis = client.get_multiplexed_async_connection().await.unwrap();
    let edge = servers.start_edge().await;
    let lookup = tokio::spawn({
        let mut client = edge.connect().await;
        async move { client.get("/v1/stock/A").await }
    });
    let request = requests.next().await.unwrap();
    // Before the reply, another edge has cached a later change.
    let newer = format!("9 {}", stock("A", 1, 9));
    redis::cmd("SET").arg("stock:A").arg(&newer).exec_async(&mut redis).await.unwrap();
    request.reply(format!("[{}]", stock("A", 5, 8)).into()).await;
    assert_eq!(lookup.await.unwrap().status, 200);
    let cached: String = redis::cmd("GET").arg("stock:A").query_async(&mut redis).await.unwrap();
    assert_eq!(cached, newer);
    // If Redis times out, the lookup has no worker to ask, and gets 503.
    let deadline = Instant::now() + DEADLINE;
    let mut reply = edge.connect().await.get("/v1/stock/A").await;
    while reply.status == 503 && Instant::now() < deadline {
        reply = edge.connect().await.get("/v1/stock/A").await;
    }
    assert_eq!(reply.json()["on_hand"], 1);
    edge.stop().await;
}

#[tokio::test]
async fn corrupt_cache_entries_and_a_killed_redis_fall_back_to_a_lookup() {
    let mut servers = TestServers::start_with_streams().await;
    let (lookups, answering) = answer_stock(&servers).await;
    let edge = servers.start_edge().await;
    let client = redis::Client::open(servers.processes.redis.url()).unwrap();
    let mut redis = client.get_multiplexed_async_connection().await.unwrap();
    for (sku, corrupt) in
        [("A", "garbage"), ("B", "3 {}"), ("C", &format!("3 {}", stock("D", 9, 3)))]
    {
        redis::cmd("SET")
            .arg(format!("stock:{sku}"))
            .arg(corrupt)
            .exec_async(&mut redis)
            .await
            .unwrap();
        let stock = edge.connect().await.get(&format!("/v1/stock/{sku}")).await.json();
        assert_eq!((&stock["sku"], &stock["on_hand"]), (&json!(sku), &json!(5)), "{corrupt}");
    }
    servers.processes.redis.kill().await.unwrap();
    for _ in 0..3 {
        assert_eq!(edge.connect().await.get("/v1/stock/E").await.json()["on_hand"], 5);
    }
    assert_eq!(lookups.lock().unwrap()["E"], 3);
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
async fn answer_stock(servers: &TestServers) -> (LookupCounts, JoinHandle<()>) {
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

fn stock(sku: &str, on_hand: i64, version: i64) -> Value {
    let unit_price = json!({"amount": 255, "currency": "GBP"});
    json!({"sku": sku, "on_hand": on_hand, "unit_price": unit_price, "version": version})
}
