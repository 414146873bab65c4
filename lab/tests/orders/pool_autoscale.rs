//! The number of workers of a pool follows its backlog, between limits that an operator has set.

use std::fs;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::try_join_all;
use lab::up::Scaling;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use orders::Status;
use streams::{Pool, Profile, consumer_progress};
use tokio::time::{Instant, interval};
use workers::{fulfilment, inventory, payment, stages};

use super::fixtures::{basket, item, rows};
use super::pool_settings::REPORT_TOLERANCE;
use super::test_cluster::{TestCluster, plan, wait_until};

/// Orders per message.
const BATCH: usize = 16;
/// What is promised: a pool without workers has one wanted within this time from its first order on.
const AWAKE_WITHIN: Duration = Duration::from_secs(2);
/// How often it is looked for messages that were redelivered: far more often than one is processed again.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);
/// Longer than anything here takes on a busy machine.
const DEADLINE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_backlog_gets_workers_and_a_number_set_by_hand_wins_and_nothing_is_redelivered() {
    let mut plan = plan(Profile::Single);
    // As in production: a message that waits on a busy machine is not redelivered.
    plan.ack_wait = None;
    // What a worker holds is processed in less time than it has when it ends.
    plan.max_batch = BATCH;
    let mut cluster = TestCluster::start(plan).await;
    cluster.load_catalog(&[item("SCALED", 10_000)]).await;
    let scaling = Scaling::start(&cluster.processes).await.unwrap();
    // A worker processes some tens of orders a second, so that the backlog lasts.
    cluster.set_provider_faults("latency_ms=400").await;
    let setting = |more: &str| {
        format!(r#"{{"batch":{BATCH},"autoscale":{{"min":1,"max":3,"target_seconds":1}}{more}}}"#)
    };
    cluster.set_pool_in_time(payment::POOL, &setting(r#","paused":true"#), 1).await;
    let placed = cluster.place_all(&rows("many", 400, |_| basket(&[("SCALED", 1)]))).await;
    for id in &placed {
        cluster.wait_for_status(*id, Status::Reserved).await;
    }
    cluster.set_pool(payment::POOL, &setting("")).await;
    cluster.scale_until(&scaling, payment::POOL, 3).await;
    let status = cluster.status_text().await;
    let expected = format!("batch {BATCH}, autoscale 1..3 for 1 s [revision 2");
    assert!(status.contains(&expected), "{status}");

    cluster.set_pool(payment::POOL, &setting(r#","workers":1"#)).await;
    let redelivered = cluster.scale_until(&scaling, payment::POOL, 1).await;
    let final_views = cluster.wait_until_final(&placed);
    let (views, redelivered_later) = cluster.redelivered_until(final_views).await;
    assert_eq!((redelivered, redelivered_later), (0, 0));
    assert!(views.iter().all(|view| view.status == Status::Fulfilled));
    cluster.set_provider_faults("latency_ms=0").await;
    cluster.verify_and_stop(&placed).await;
}

#[tokio::test]
async fn a_pool_that_may_have_no_worker_gets_one_for_its_first_order() {
    let mut plan = plan(Profile::Single);
    plan.workers = vec![(inventory::POOL, 2), (payment::POOL, 1), (fulfilment::POOL, 0)];
    let mut cluster = TestCluster::start(plan).await;
    cluster.load_catalog(&[item("FIRST", 10)]).await;
    let scaling = Scaling::start(&cluster.processes).await.unwrap();
    // At most one: on a busy machine its first order waits for longer than it may.
    let autoscale = r#"{"autoscale":{"min":0,"max":1,"target_seconds":2}}"#;
    for pool in [inventory::POOL, fulfilment::POOL] {
        cluster.set_pool(pool, autoscale).await;
    }
    cluster.wait_for_wanted(fulfilment::POOL, 0).await;
    let id = cluster.place("first", &basket(&[("FIRST", 1)])).await;
    cluster.wait_for_status(id, Status::Paid).await;
    let paid_at = Instant::now();
    cluster.wait_for_wanted(fulfilment::POOL, 1).await;
    let took = paid_at.elapsed();
    assert!(took < AWAKE_WITHIN + REPORT_TOLERANCE, "it took {took:?}");
    cluster.scale_until(&scaling, fulfilment::POOL, 1).await;
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

#[tokio::test]
async fn what_must_be_undone_wakes_a_pool_also_while_it_is_paused_and_once_a_worker_can_be_started()
{
    let mut plan = plan(Profile::Single);
    plan.workers = vec![(inventory::POOL, 1), (payment::POOL, 1), (fulfilment::POOL, 0)];
    let mut cluster = TestCluster::start(plan).await;
    cluster.load_catalog(&[item("UNDONE", 10)]).await;
    let scaling = Scaling::start(&cluster.processes).await.unwrap();
    let paused = r#"{"paused":true,"autoscale":{"min":0,"max":2,"target_seconds":2}}"#;
    cluster.set_pool(fulfilment::POOL, paused).await;
    cluster.set_pool_in_time(payment::POOL, r#"{"paused":true}"#, 1).await;
    cluster.wait_for_wanted(fulfilment::POOL, 0).await;
    let placed = cluster.post(0, "undone", &basket(&[("UNDONE", 1)])).await;
    cluster.wait_for_status(placed.order_id(), Status::Reserved).await;
    cluster.cancel(0, placed.signed_id()).await;
    cluster.wait_for_wanted(fulfilment::POOL, 1).await;
    // Its log cannot be written.
    let log = cluster.processes.folder.path().join("fulfilment-1.log");
    fs::create_dir(&log).unwrap();
    cluster.processes.scale(&scaling).await;
    assert_eq!(cluster.processes.workers.len(), 2, "none can be started");
    fs::remove_dir(&log).unwrap();
    cluster.scale_until(&scaling, fulfilment::POOL, 1).await;
    cluster.wait_for_status(placed.order_id(), Status::Cancelled).await;
    for pool in [payment::POOL, fulfilment::POOL] {
        cluster.set_pool(pool, "{}").await;
    }
    cluster.verify_and_stop(&[placed.order_id()]).await;
}

#[tokio::test]
async fn the_worker_that_answers_for_backlogs_does_so_until_it_has_ended() {
    let mut plan = plan(Profile::Single);
    plan.ack_wait = None;
    let mut cluster = TestCluster::start(plan).await;
    cluster.load_catalog(&[item("ANSWERED", 10)]).await;
    let first = cluster.place("first", &basket(&[("ANSWERED", 1)])).await;
    cluster.wait_for_status(first, Status::Fulfilled).await;
    let mut nats = cluster.nats().await;
    nats.request("pool.inventory.lag", "").await;
    cluster.processes.servers.postgres.pause().unwrap();
    let held = cluster.place("held", &basket(&[("ANSWERED", 1)])).await;
    wait_until("the order is held", async || {
        let step = inventory::RESERVE.events();
        let progress = consumer_progress(&cluster.sources.connection, &step).await;
        progress.unwrap().messages_held == 1
    })
    .await;
    let pid = Pid::from_raw(cluster.worker(inventory::POOL).pid().unwrap() as i32);
    kill(pid, Signal::SIGTERM).unwrap();
    cluster.wait_for_states(inventory::POOL, &["ending"]).await;
    wait_until("the order is in the answer", async || {
        nats.request("pool.inventory.lag", "").await["orders"] == 1
    })
    .await;
    cluster.wait_for_states(inventory::POOL, &["ending"]).await;
    cluster.processes.servers.postgres.resume().unwrap();
    // It has ended, and another process goes on.
    cluster.start_worker(inventory::POOL).await;
    cluster.wait_for_status(held, Status::Fulfilled).await;
    cluster.verify_and_stop(&[first, held]).await;
}

impl TestCluster {
    /// Starts and ends workers until so many of `pool` run and report it. Returns the most messages that were seen
    /// redelivered at a time.
    async fn scale_until(&mut self, scaling: &Scaling, pool: Pool, workers: usize) -> u64 {
        let (deadline, mut redelivered) = (Instant::now() + DEADLINE, 0);
        while self.pull_reports(pool).await.len() != workers {
            assert!(Instant::now() < deadline, "{pool} has not {workers} workers in time");
            self.processes.scale(scaling).await;
            redelivered = redelivered.max(self.redelivered().await);
        }
        redelivered
    }

    /// The output of `work`, and the most messages that were seen redelivered at a time in the meantime.
    async fn redelivered_until<T>(&self, work: impl Future<Output = T>) -> (T, u64) {
        let (mut work, mut redelivered) = (pin!(work), 0);
        let mut looks = interval(LOOK_INTERVAL);
        loop {
            let look = async {
                looks.tick().await;
                self.redelivered().await
            };
            tokio::select! {
                output = &mut work => return (output, redelivered),
                now = look => redelivered = redelivered.max(now),
            }
        }
    }

    /// The messages of all steps that were delivered more than once, and are not acked.
    async fn redelivered(&self) -> u64 {
        let steps = stages::order_pools().into_iter().flat_map(stages::steps_of);
        let sources: Vec<_> = steps.map(|step| step.events()).collect();
        let progress = sources.iter().map(|it| consumer_progress(&self.sources.connection, it));
        let progress = try_join_all(progress).await.unwrap();
        progress.iter().map(|progress| progress.messages_redelivered).sum()
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
