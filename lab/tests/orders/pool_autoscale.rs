//! The number of workers of a pool follows its backlog, between limits that an operator has set.

use std::time::Duration;

use lab::up::Scaling;
use orders::Status;
use streams::{Pool, Profile, consumer_progress};
use tokio::time::Instant;
use workers::{fulfilment, inventory, payment, stages};

use super::fixtures::{basket, item, rows};
use super::pool_settings::REPORT_TOLERANCE;
use super::test_cluster::{TestCluster, plan, wait_until};

/// What is promised: a pool without workers has one within this time from its first order on.
const AWAKE_WITHIN: Duration = Duration::from_secs(2);
/// Longer than anything here takes on a busy machine.
const DEADLINE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_backlog_gets_workers_and_a_number_set_by_hand_wins_and_nothing_is_redelivered() {
    let mut cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("SCALED", 10_000)]).await;
    let scaling = Scaling::start(&cluster.processes).await.unwrap();
    // It bears about fifty orders a second, so that the backlog lasts.
    cluster.set_provider_faults("latency_ms=200&in_flight_max=20").await;
    let setting = |more: &str| {
        format!(r#"{{"batch":32,"autoscale":{{"min":1,"max":3,"target_seconds":1}}{more}}}"#)
    };
    cluster.set_pool_in_time(payment::POOL, &setting(r#","paused":true"#), 1).await;
    let placed = cluster.place_all(&rows("many", 600, |_| basket(&[("SCALED", 1)]))).await;
    for id in &placed {
        cluster.wait_for_status(*id, Status::Reserved).await;
    }
    cluster.set_pool(payment::POOL, &setting("")).await;
    cluster.scale_until(&scaling, payment::POOL, 3).await;
    let status = cluster.status_text().await;
    assert!(status.contains("batch 32, autoscale 1..3 for 1 s [revision 2"), "{status}");

    cluster.set_pool(payment::POOL, r#"{"workers":1,"batch":32}"#).await;
    let redelivered = cluster.scale_until(&scaling, payment::POOL, 1).await;
    assert_eq!(redelivered, 0);
    let views = cluster.wait_until_final(&placed).await;
    assert!(views.iter().all(|view| view.status == Status::Fulfilled));
    cluster.set_provider_faults("in_flight_max=0&latency_ms=0").await;
    cluster.verify_and_stop(&placed).await;
}

#[tokio::test]
async fn a_pool_that_may_have_no_worker_gets_one_for_its_first_order() {
    let mut plan = plan(Profile::Single);
    plan.workers = vec![(inventory::POOL, 2), (payment::POOL, 1), (fulfilment::POOL, 0)];
    let mut cluster = TestCluster::start(plan).await;
    cluster.load_catalog(&[item("FIRST", 10)]).await;
    let scaling = Scaling::start(&cluster.processes).await.unwrap();
    let autoscale = r#"{"autoscale":{"min":0,"max":2,"target_seconds":2}}"#;
    for pool in [inventory::POOL, fulfilment::POOL] {
        cluster.set_pool(pool, autoscale).await;
    }
    cluster.wait_for_wanted(fulfilment::POOL, 0).await;
    let id = cluster.place("first", &basket(&[("FIRST", 1)])).await;
    cluster.wait_for_status(id, Status::Paid).await;
    let paid_at = Instant::now();
    cluster.scale_until(&scaling, fulfilment::POOL, 1).await;
    let took = paid_at.elapsed();
    assert!(took < AWAKE_WITHIN + REPORT_TOLERANCE, "it took {took:?}");
    cluster.wait_for_status(id, Status::Fulfilled).await;
    // The one that answers for the backlogs is killed: another one does.
    cluster.processes.workers[0].1.kill().await.unwrap();
    cluster.wait_for_wanted(fulfilment::POOL, 1).await;
    cluster.processes.workers[1].1.kill().await.unwrap();
    cluster.processes.workers[0].1.start().await.unwrap();
    cluster.wait_for_wanted(fulfilment::POOL, 1).await;
    // It does more than orders ask for, so it always runs.
    cluster.wait_for_wanted(inventory::POOL, 1).await;
    cluster.verify_and_stop(&[id]).await;
}

impl TestCluster {
    /// Starts and ends workers until so many of `pool` run and report it. Returns the most messages that were seen
    /// redelivered at a time.
    async fn scale_until(&mut self, scaling: &Scaling, pool: Pool, workers: usize) -> u64 {
        let (deadline, mut redelivered) = (Instant::now() + DEADLINE, 0);
        let step = stages::steps_of(pool)[0];
        while self.pull_reports(pool).await.len() != workers {
            assert!(Instant::now() < deadline, "{pool} has not {workers} workers in time");
            self.processes.scale(scaling).await.unwrap();
            let progress = consumer_progress(&self.sources.connection, &step.events()).await;
            redelivered = redelivered.max(progress.unwrap().messages_redelivered);
        }
        redelivered
    }

    /// Waits until `pool` is answered to need so many workers.
    async fn wait_for_wanted(&self, pool: Pool, wanted: u32) {
        let mut nats = self.nats().await;
        wait_until(&format!("{pool} needs {wanted} workers"), async || {
            nats.request(&format!("pool.{pool}.lag"), "").await["wanted"] == wanted
        })
        .await;
    }
}
