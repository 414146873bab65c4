//! Workers whose clocks are wrong: database time decides deadlines, so no order is stuck or lost.

use orders::Status;
use streams::{Pool, Profile};
use workers::{inventory, payment};

use super::fixtures::{basket, item};
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
async fn an_order_that_payment_finds_late_is_cancelled_even_if_the_sweep_has_passed_it() {
    let mut plan = plan(Profile::Single);
    plan.envs.push(("MILLRACE_PAYMENT_TIMEOUT".to_owned(), "1s".to_owned()));
    let mut cluster = TestCluster::start(plan).await;
    cluster.load_catalog(&[item("PASSED", 10)]).await;
    cluster.stop_worker(payment::POOL).await;
    let connection = cluster.sources.database.connection().await.unwrap();
    connection
        .execute("UPDATE inventory.sweep SET decided_at = now() + interval '1 day'", &[])
        .await
        .unwrap();
    let id = cluster.place("passed", &basket(&[("PASSED", 1)])).await;
    cluster.wait_for_status(id, Status::Reserved).await;
    wait_until("the reservation has expired", async || {
        let late =
            "SELECT bool_and(decided_at < now() - interval '1 s') FROM inventory.reservations";
        connection.query_one(late, &[]).await.unwrap().get(0)
    })
    .await;
    drop(connection);
    cluster.start_worker(payment::POOL).await;
    let views = cluster.wait_until_final(&[id]).await;
    assert_eq!(views[0].status, Status::Cancelled);
    assert_eq!(cluster.on_hand("PASSED").await, 10);
    cluster.processes.stop().await.unwrap();
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
