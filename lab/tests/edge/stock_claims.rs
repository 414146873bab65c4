//! Edges share what Redis has of the stock: of all that miss a SKU, one looks it up, and only that one writes it.

use std::time::Duration;

use futures_util::future::{Either, join, join_all, select};
use serde_json::Value;
use streams::subjects::STOCK_GET;
use tokio::time::{Instant, timeout};

use super::raw_http::RawHttp;
use super::stock_lookup::{answer_stock, stock};
use super::test_edge::{DEADLINE, TestEdge};
use crate::test_servers::{TestServers, wait_until};

const EDGES: usize = 3;
/// Clients of each edge.
const CLIENTS: usize = 10;
/// Lookups that must be alone in a row: the first of a SKU, and that after it has expired.
const ALONE: usize = 2;
/// How often each edge reads Redis while a lookup is in flight, before that is answered.
const READS: u64 = 3;
/// A claim that its edge should have fulfilled by now, in milliseconds before it expires.
const LATE_CLAIM_LEFT: u64 = 1_400;
/// Much less than that.
const TAKEN_OVER_WITHIN: Duration = Duration::from_millis(700);

#[tokio::test]
async fn a_hot_sku_costs_the_database_one_query_however_many_edges_are_asked_for_it() {
    let servers = TestServers::start_with_streams().await;
    let mut requests = servers.worker_requests(STOCK_GET).await;
    let mut edges = Vec::new();
    for _ in 0..EDGES {
        edges.push(servers.start_edge().await);
    }
    let ask = async |edge: &TestEdge| -> () {
        let mut client = edge.connect().await;
        loop {
            let reply = client.get("/v1/stock/HOT").await;
            assert_eq!((reply.status, &reply.json()["on_hand"]), (200, &Value::from(5)));
        }
    };
    let asking = join_all(edges.iter().flat_map(|edge| (0..CLIENTS).map(|_| ask(edge))));
    let answering = async {
        let mut alone = 0;
        while alone < ALONE {
            let request = requests.next().await.unwrap();
            let read = servers.scripts_run().await + READS * EDGES as u64;
            let all_asked =
                wait_until("edges read Redis", async || servers.scripts_run().await >= read);
            let other = match select(Box::pin(all_asked), Box::pin(requests.next())).await {
                Either::Left(_) => None,
                Either::Right((request, _)) => request,
            };
            // On a busy machine Redis may time out, or the claim be taken over.
            alone = if other.is_none() { alone + 1 } else { 0 };
            for request in [Some(request), other].into_iter().flatten() {
                request.reply(format!("[{}]", stock("HOT", 5, 4)).into()).await;
            }
        }
    };
    let answered = select(Box::pin(asking), Box::pin(answering));
    match timeout(DEADLINE, answered).await.expect("edges look up the same SKU side by side") {
        Either::Left(_) => panic!("clients have stopped asking"),
        Either::Right(((), asking)) => drop(asking),
    }
    for edge in edges {
        edge.stop().await;
    }
}

#[tokio::test]
async fn the_claim_of_an_edge_that_has_died_is_taken_over() {
    let servers = TestServers::start_with_streams().await;
    let (_, answering) = answer_stock(&servers).await;
    let edge = servers.start_edge().await;
    let deadline = Instant::now() + DEADLINE;
    for round in 0.. {
        let sku = format!("LATE-{round}");
        servers.set_stock_entry(&sku, "?dead", Some(LATE_CLAIM_LEFT)).await;
        let mut client = edge.connect().await;
        let asked = Instant::now();
        assert_eq!(client.get(&format!("/v1/stock/{sku}")).await.status, 200);
        let waited = asked.elapsed();
        // If Redis has timed out, the edge has answered without it.
        let entry = servers.stock_entry(&sku).await;
        let is_written = entry.is_some_and(|entry| entry.starts_with('{'));
        if is_written && waited < TAKEN_OVER_WITHIN {
            break;
        }
        assert!(Instant::now() < deadline, "a dead edge's claim is waited for until it expires");
    }
    servers.set_stock_entry("FOREVER", "?dead", None).await;
    assert_eq!(edge.connect().await.get("/v1/stock/FOREVER").await.status, 200);
    answering.abort();
    edge.stop().await;
}

#[tokio::test]
async fn what_was_looked_up_too_slowly_replaces_no_other_entry() {
    let servers = TestServers::start_with_streams().await;
    let mut requests = servers.worker_requests(STOCK_GET).await;
    let edge = servers.start_edge().await;
    let mut client: RawHttp = edge.connect().await;
    let answering = async {
        let request = requests.next().await.unwrap();
        // Before the answer, another edge has taken over, and has looked up a later change.
        let later = stock("A", 1, 9).to_string();
        servers.set_stock_entry("A", &later, Some(LATE_CLAIM_LEFT)).await;
        request.reply(format!("[{}]", stock("A", 5, 8)).into()).await;
        later
    };
    let (reply, later) = join(client.get("/v1/stock/A"), answering).await;
    assert_eq!(reply.json()["on_hand"], 5);
    let held = servers.stock_entry("A").await;
    assert!(held.is_none() || held.as_ref() == Some(&later), "{held:?}");
    wait_until("the later change is shown", async || {
        servers.set_stock_entry("A", &later, Some(LATE_CLAIM_LEFT)).await;
        client.get("/v1/stock/A").await.json()["on_hand"] == 1
    })
    .await;
    edge.stop().await;
}

impl TestServers {
    /// Writes what Redis has for a SKU, with the time in milliseconds until it expires.
    pub(super) async fn set_stock_entry(&self, sku: &str, entry: &str, left: Option<u64>) {
        let mut command = redis::cmd("SET");
        command.arg(format!("stock:{sku}")).arg(entry);
        if let Some(left) = left {
            command.arg("PX").arg(left);
        }
        command.exec_async(&mut self.redis().await).await.unwrap();
    }

    async fn stock_entry(&self, sku: &str) -> Option<String> {
        let mut command = redis::cmd("GET");
        command.arg(format!("stock:{sku}"));
        command.query_async(&mut self.redis().await).await.unwrap()
    }

    /// How often edges have read or written stock in Redis.
    async fn scripts_run(&self) -> u64 {
        let mut command = redis::cmd("INFO");
        command.arg("commandstats");
        let stats: String = command.query_async(&mut self.redis().await).await.unwrap();
        let of_scripts = stats.lines().find_map(|line| line.strip_prefix("cmdstat_evalsha:calls="));
        of_scripts.map_or(0, |stats| stats.split(',').next().unwrap().parse().unwrap())
    }
}
