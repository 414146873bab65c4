//! Processes whose clocks are wrong: the time of the database and of the broker decides deadlines, so no
//! order is stuck, lost or refused.

use std::time::Duration;

use orders::{EventKind, OrderId, Status};
use streams::failpoints::FAILPOINTS;
use streams::{Pool, Profile};
use tokio::time::{Instant, sleep};
use workers::{inventory, payment};

use super::fixtures::{basket, item, with_payment_token};
use super::test_cluster::{TestCluster, plan, wait_until};

#[tokio::test]
async fn an_inventory_worker_whose_clock_is_behind_reserves_orders_that_are_paid_in_time() {
    assert_fulfilled_despite_clock(inventory::POOL, "clock=-3600").await;
}

#[tokio::test]
async fn a_payment_worker_whose_clock_is_ahead_charges_orders_that_have_not_expired() {
    assert_fulfilled_despite_clock(payment::POOL, "clock=3600").await;
}

#[tokio::test]
async fn an_order_that_payment_finds_late_is_cancelled_without_the_sweep() {
    let mut plan = plan(Profile::Single);
    plan.envs.push(("MILLRACE_PAYMENT_TIMEOUT".to_owned(), "3s".to_owned()));
    let mut cluster = TestCluster::start(plan).await;
    cluster.load_catalog(&[item("PASSED", 10)]).await;
    cluster.stop_worker(payment::POOL).await;
    let id = cluster.place("passed", &basket(&[("PASSED", 1)])).await;
    cluster.wait_for_status(id, Status::Reserved).await;
    // Before the reservation expires, so that no sweep sees it.
    cluster.stop_worker(inventory::POOL).await;
    let connection = cluster.sources.database.connection().await.unwrap();
    wait_until("the reservation has expired", async || {
        let late =
            "SELECT bool_and(decided_at < now() - interval '3 s') FROM inventory.reservations";
        connection.query_one(late, &[]).await.unwrap().get(0)
    })
    .await;
    drop(connection);
    cluster.start_worker(payment::POOL).await;
    cluster.wait_for_event(id, EventKind::CancelRequested).await;
    cluster.start_worker(inventory::POOL).await;
    let views = cluster.wait_until_final(&[id]).await;
    assert_eq!(views[0].status, Status::Cancelled);
    assert_eq!(cluster.on_hand("PASSED").await, 10);
    cluster.processes.stop().await.unwrap();
}

#[tokio::test]
async fn an_edge_whose_clock_is_ahead_admits_orders_while_others_wait() {
    let mut cluster = start_with_clock("3600", "10m").await;
    cluster.stop_worker(inventory::POOL).await;
    // Longer than an edge takes to see the orders that wait.
    let end = Instant::now() + Duration::from_secs(4);
    let mut number = 0;
    while Instant::now() < end {
        number += 1;
        let response = cluster.post(0, &format!("ahead-{number}"), &basket(&[("ROOM", 1)])).await;
        assert_eq!(response.status, 202, "{}", response.body);
        sleep(Duration::from_millis(200)).await;
    }
    cluster.processes.stop().await.unwrap();
}

#[tokio::test]
async fn an_edge_whose_clock_is_behind_refuses_orders_while_inventory_is_far_behind() {
    let mut cluster = start_with_clock("-3600", "1s").await;
    cluster.assert_intake_waits_for_inventory().await;
    cluster.processes.stop().await.unwrap();
}

#[tokio::test]
async fn a_charge_is_retried_in_time_by_a_worker_whose_clock_is_ahead() {
    let cluster = start_with_clock("3600", "10m").await;
    let took = cluster.time_to_pay("tok_flaky_2").await;
    assert!(took < Duration::from_secs(20), "{took:?}");
    cluster.processes.stop().await.unwrap();
}

#[tokio::test]
async fn a_charge_is_not_retried_at_once_by_a_worker_whose_clock_is_behind() {
    let cluster = start_with_clock("-3600", "10m").await;
    let took = cluster.time_to_pay("tok_flaky_6").await;
    // The least that six delays are: 100 ms, 200 ms and so on.
    assert!(took > Duration::from_millis(100 * (2_u64.pow(6) - 1)), "{took:?}");
    cluster.processes.stop().await.unwrap();
}

impl TestCluster {
    /// How long an order that is paid with `token` takes until it is fulfilled.
    async fn time_to_pay(&self, token: &str) -> Duration {
        let body = with_payment_token(basket(&[("ROOM", 1)]), token);
        let start = Instant::now();
        let id: OrderId = self.place(token, &body).await;
        self.wait_for_status(id, Status::Fulfilled).await;
        start.elapsed()
    }
}

/// A cluster whose edges and workers have a clock that is wrong by `seconds`.
async fn start_with_clock(seconds: &str, backlog_max_age: &str) -> TestCluster {
    let mut plan = plan(Profile::Single);
    plan.envs.push((FAILPOINTS.to_owned(), format!("clock={seconds}")));
    plan.envs.push(("MILLRACE_BACKLOG_MAX_AGE".to_owned(), backlog_max_age.to_owned()));
    // The failures of one order must not open the breaker.
    plan.envs.push(("MILLRACE_BREAKER_FAILURES".to_owned(), "50".to_owned()));
    let cluster = TestCluster::start(plan).await;
    cluster.load_catalog(&[item("ROOM", 1_000)]).await;
    cluster
}

async fn assert_fulfilled_despite_clock(pool: Pool, clock: &str) {
    let mut cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("CLOCK", 10)]).await;
    cluster.restart_worker_with_failpoint(pool, clock).await;
    let id = cluster.place("clock", &basket(&[("CLOCK", 1)])).await;
    let views = cluster.wait_until_final(&[id]).await;
    assert_eq!(views[0].status, Status::Fulfilled, "{:?}", views[0]);
    cluster.verify_and_stop(&[id]).await;
}
