//! How many workers of a pool pull, and how many orders a second they take together.

use std::fs;

use orders::Status;
use streams::Profile;
use workers::{fulfilment, inventory, payment};

use super::fixtures::{basket, item, rows};
use super::test_cluster::{TestCluster, plan, wait_until};

/// A plan with three workers of inventory, in which each order is a message of its own.
async fn start() -> TestCluster {
    let mut plan = plan(Profile::Single);
    plan.max_batch = 1;
    plan.workers = vec![(inventory::POOL, 3), (payment::POOL, 1), (fulfilment::POOL, 1)];
    let cluster = TestCluster::start(plan).await;
    cluster.load_catalog(&[item("SHARED", 1_000)]).await;
    cluster
}

#[tokio::test]
async fn as_many_workers_pull_as_are_set_and_another_takes_the_place_of_one_that_is_killed() {
    let mut cluster = start().await;
    cluster.set_pool_in_time(inventory::POOL, r#"{"workers":1}"#, 3).await;
    cluster.wait_for_states(inventory::POOL, &["standby", "standby", "working"]).await;
    let placed = cluster.place_all(&rows("one", 30, |_| basket(&[("SHARED", 1)]))).await;
    cluster.wait_until_final(&placed).await;

    let mut killed = Vec::new();
    for left in [&["standby", "working"][..], &["working"]] {
        let working = (0..3).find(|index| !killed.contains(index) && cluster.is_working(*index));
        let working = working.unwrap();
        cluster.processes.workers[working].1.kill().await.unwrap();
        killed.push(working);
        cluster.wait_for_states(inventory::POOL, left).await;
    }
    let placed = cluster.place_all(&rows("left", 30, |_| basket(&[("SHARED", 1)]))).await;
    let views = cluster.wait_until_final(&placed).await;
    assert!(views.iter().all(|view| view.status == Status::Fulfilled));

    for index in killed {
        cluster.processes.workers[index].1.start().await.unwrap();
    }
    cluster.wait_for_states(inventory::POOL, &["standby", "standby", "working"]).await;
    cluster.set_pool_in_time(inventory::POOL, "{}", 3).await;
    cluster.wait_for_states(inventory::POOL, &["working", "working", "working"]).await;
    cluster.verify_and_stop(&placed).await;
}

#[tokio::test]
async fn the_workers_of_a_pool_take_together_as_many_orders_a_second_as_are_set() {
    const RATE: i64 = 30;
    const ORDERS: usize = 240;
    let cluster = start().await;
    cluster.set_pool_in_time(inventory::POOL, r#"{"rate":30}"#, 3).await;
    cluster.wait_for_states(inventory::POOL, &["working", "working", "working"]).await;
    wait_until("each has a third of the rate", async || {
        let reports = cluster.pull_reports(inventory::POOL).await;
        reports.iter().filter(|report| report.share == Some(10.0)).count() == 3
    })
    .await;
    let placed = cluster.place_all(&rows("rate", ORDERS, |_| basket(&[("SHARED", 1)]))).await;
    let views = cluster.wait_until_final(&placed).await;
    assert!(views.iter().all(|view| view.status == Status::Fulfilled));
    let connection = cluster.sources.database.connection().await.unwrap();
    let took = "SELECT extract(epoch FROM max(decided_at) - min(decided_at))::float8
                    FROM inventory.reservations";
    let seconds: f64 = connection.query_one(took, &[]).await.unwrap().get(0);
    // Those of the first second may come at once.
    let least = ORDERS as f64 / RATE as f64 - 1.5;
    assert!((least..3.0 * least).contains(&seconds), "{ORDERS} orders took {seconds} s");
    drop(connection);
    cluster.set_pool(inventory::POOL, "{}").await;
    cluster.verify_and_stop(&placed).await;
}

#[tokio::test]
async fn a_set_has_about_as_many_records_as_are_set() {
    let cluster = start().await;
    cluster.set_pool_in_time(inventory::POOL, r#"{"paused":true}"#, 3).await;
    let placed = cluster.place_all(&rows("set", 100, |_| basket(&[("SHARED", 1)]))).await;
    cluster.set_pool(inventory::POOL, r#"{"batch":5}"#).await;
    cluster.wait_until_final(&placed).await;
    let connection = cluster.sources.database.connection().await.unwrap();
    // Rows that one transaction has written have one time.
    let largest = "SELECT max(rows) FROM (
                       SELECT count(*) AS rows FROM inventory.reservations GROUP BY xmin::text
                   ) AS sets";
    let largest: i64 = connection.query_one(largest, &[]).await.unwrap().get(0);
    assert!(largest <= 10, "a set had {largest} records");
    drop(connection);
    cluster.verify_and_stop(&placed).await;
}

impl TestCluster {
    /// Whether the worker with this index pulls, as its log says.
    fn is_working(&self, index: usize) -> bool {
        let log = fs::read_to_string(self.processes.workers[index].1.log()).unwrap();
        let last = log.lines().rfind(|line| line.contains("worker changes its state"));
        last.is_none_or(|line| line.contains("state=\"working\""))
    }
}
