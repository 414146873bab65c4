//! Processes are killed under load and started again: workers, the database, the broker that leads
//! the stream. The payment provider is unavailable for a while. Every accepted order becomes
//! final, and the audit finds no difference.

use std::sync::atomic::AtomicU64;

use futures_util::future::join;
use lab::up::Plan;
use orders::OrderId;
use serde_json::Value;
use streams::Profile;
use workers::status_counts::status_counts;

use super::fixtures::{basket, item, rows, with_payment_token};
use super::http_client::place_through;
use super::test_cluster::{TestCluster, plan, wait_until};

const ORDERS: usize = 900;
/// Small batches make many messages, so that some are in flight at the interruption.
const SMALL_BATCH: usize = 8;

#[tokio::test]
async fn every_order_ends_when_all_workers_are_killed() {
    let mut plan = small_batches(Profile::Single);
    // Messages held by killed workers are redelivered after `ack_wait`, as in production.
    plan.ack_wait = None;
    let mut cluster = TestCluster::start(plan).await;
    let ids = run(&mut cluster, async |cluster| {
        for (_, worker) in &mut cluster.processes.workers {
            worker.kill().await.unwrap();
        }
        cluster.start_workers().await;
    })
    .await;
    cluster.verify_and_stop(&ids).await;
}

#[tokio::test]
async fn every_order_ends_when_the_database_is_killed() {
    let mut cluster = start(Profile::Single).await;
    let ids = run(&mut cluster, async |cluster| {
        cluster.processes.servers.postgres.kill().await.unwrap();
        cluster.processes.servers.postgres.start().await.unwrap();
    })
    .await;
    cluster.verify_and_stop(&ids).await;
}

#[tokio::test]
async fn every_order_ends_when_the_stream_leader_is_killed() {
    let mut cluster = start(Profile::Durable).await;
    let ids = run(&mut cluster, async |cluster| {
        let leader = cluster.stream_leader().await;
        cluster.assert_status_names_the_leader(leader).await;
        let brokers = &mut cluster.processes.servers.brokers;
        brokers.servers[leader].kill().await.unwrap();
    })
    .await;
    // All orders end with the two brokers that are left.
    cluster.wait_until_final(&ids).await;
    cluster.processes.servers.brokers.start().await.unwrap();
    cluster.verify_and_stop(&ids).await;
}

#[tokio::test]
async fn every_order_ends_when_the_provider_is_unavailable_and_then_fails_some_calls() {
    let mut cluster = start(Profile::Single).await;
    let ids = run(&mut cluster, async |cluster| {
        cluster.set_provider_faults("away_ms=2000&fail=close&rate=0.05").await;
    })
    .await;
    // All orders end while it still fails some calls.
    cluster.wait_until_final(&ids).await;
    cluster.set_provider_faults("fail=none").await;
    cluster.verify_and_stop(&ids).await;
}

async fn start(profile: Profile) -> TestCluster {
    TestCluster::start(small_batches(profile)).await
}

fn small_batches(profile: Profile) -> Plan {
    let mut plan = plan(profile);
    plan.max_batch = SMALL_BATCH;
    plan
}

/// Places orders of every kind, and calls `interrupt` when some are final and some are not.
async fn run(
    cluster: &mut TestCluster,
    interrupt: impl AsyncFnOnce(&mut TestCluster),
) -> Vec<OrderId> {
    cluster.load_catalog(&[item("MANY", 10_000), item("FEW", 20)]).await;
    let orders = rows("run", ORDERS, |number| match number % 10 {
        0 => with_payment_token(basket(&[("MANY", 1)]), "tok_chargeDeclined"),
        5 => basket(&[("FEW", 1), ("MANY", 2)]),
        _ => basket(&[("MANY", 1)]),
    });
    let accepted = AtomicU64::new(0);
    let placing = place_through(cluster.edge_urls(), &orders, &accepted);
    let interrupting = async {
        wait_until("some orders are final", async || cluster.final_orders().await > 20).await;
        assert!(
            cluster.final_orders().await < ORDERS as u64,
            "all orders are final before the interruption"
        );
        interrupt(cluster).await;
    };
    let (ids, ()) = join(placing, interrupting).await;
    assert_eq!(ids.len(), ORDERS);
    ids
}

impl TestCluster {
    async fn final_orders(&self) -> u64 {
        status_counts(&self.sources.database).await.unwrap().finals()
    }

    async fn assert_status_names_the_leader(&self, leader: usize) {
        let status = self.status_text().await;
        let mut lines = status.lines();
        let orders = lines.find(|line| line.starts_with("ORDERS_1 ")).unwrap();
        for (index, broker) in self.processes.servers.brokers.servers.iter().enumerate() {
            assert!(orders.contains(broker.name()), "{status}");
            let is_shown = orders.contains(&format!("{} (leader)", broker.name()));
            assert_eq!(is_shown, index == leader, "{status}");
        }
    }

    /// The index of the broker that leads the stream of orders.
    async fn stream_leader(&self) -> usize {
        let url = format!("{}/jsz?streams=true", self.processes.servers.brokers.monitor_urls()[0]);
        let monitoring = self.http.get(&url).await.body;
        let streams = monitoring["account_details"][0]["stream_detail"].as_array().unwrap();
        let is_orders = |stream: &&Value| stream["name"] == streams::Lane::FIRST.stream();
        let stream = streams.iter().find(is_orders).unwrap();
        let leader = stream["cluster"]["leader"].as_str().unwrap();
        let servers = &self.processes.servers.brokers.servers;
        servers.iter().position(|server| server.name() == leader).unwrap()
    }
}
