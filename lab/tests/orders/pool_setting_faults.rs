//! A setting that is bad, or gone, changes nothing: the last good one stays in force, and what is wrong is
//! shown where an operator looks.

use std::fs;

use millrace::keys::Role;
use orders::Status;
use serde_json::json;
use streams::Profile;
use workers::payment;

use super::fixtures::{basket, item};
use super::test_cluster::{TestCluster, plan};
use crate::pool_command::pool;

const PAUSED: &str = r#"{"paused":true}"#;
const FAULT: &str = "`pasued` is not a member: there are paused, until, workers, rate, batch, autoscale, why and by";

#[tokio::test]
async fn the_last_good_setting_stays_in_force_while_the_value_is_bad() {
    let mut cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("KEPT", 10)]).await;
    cluster.set_pool_in_time(payment::POOL, PAUSED, 1).await;
    cluster.wait_until_nothing_is_pulled(payment::POOL).await;
    cluster.set_pool(payment::POOL, r#"{"pasued":false}"#).await;
    cluster.wait_for_states(payment::POOL, &["invalid"]).await;
    // Also for a worker that starts now.
    for _ in 0..2 {
        let report = cluster.pull_reports(payment::POOL).await.remove(0);
        assert!(!report.is_pulling && report.revision == 1, "{report:?}");
        assert!(report.error.unwrap().contains(FAULT));
        cluster.stop_worker(payment::POOL).await;
        cluster.start_worker(payment::POOL).await;
        cluster.wait_for_states(payment::POOL, &["invalid"]).await;
    }
    let status = cluster.status_text().await;
    assert!(status.contains(&format!("payment     INVALID: {FAULT} [revision 2")), "{status}");
    assert!(status.contains("workers: 1 invalid; in force: revision 1"), "{status}");
    let log = cluster.log_of(payment::POOL);
    assert_eq!(log.matches("setting refused").count(), 1, "{log}");
    assert!(log.contains(FAULT), "{log}");

    let id = cluster.place("kept", &basket(&[("KEPT", 1)])).await;
    cluster.wait_for_status(id, Status::Reserved).await;
    cluster.set_pool_in_time(payment::POOL, "{}", 1).await;
    cluster.wait_for_status(id, Status::Fulfilled).await;
    cluster.verify_and_stop(&[id]).await;
}

#[tokio::test]
async fn a_bucket_that_is_deleted_ends_no_pause_and_is_created_by_a_worker_that_starts() {
    let mut cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("KEPT", 10)]).await;
    cluster.set_pool_in_time(payment::POOL, PAUSED, 1).await;
    cluster.wait_until_nothing_is_pulled(payment::POOL).await;
    let mut nats = cluster.nats().await;
    let deleted = nats.api("STREAM.DELETE.KV_POOLS", &json!({})).await;
    assert_eq!(deleted["success"], true, "{deleted}");
    let status = cluster.status_text().await;
    assert!(
        status.contains("corrected     KV_POOLS: stream is missing, expected there"),
        "{status}"
    );
    // No order depends on it.
    cluster.wait_until_open().await;
    let id = cluster.place("kept", &basket(&[("KEPT", 1)])).await;
    cluster.wait_for_status(id, Status::Reserved).await;
    let report = cluster.pull_reports(payment::POOL).await.remove(0);
    assert!(report.state == "paused" && report.revision == 1, "{report:?}");

    // One of another pool creates it, empty: that ends no pause either.
    cluster.stop_worker(workers::fulfilment::POOL).await;
    cluster.start_worker(workers::fulfilment::POOL).await;
    cluster.wait_for_states(payment::POOL, &["invalid"]).await;
    let report = cluster.pull_reports(payment::POOL).await.remove(0);
    assert!(!report.is_pulling && report.error.unwrap().contains("is gone"));
    let status = cluster.views(&[id]).await.remove(0).unwrap().status;
    assert_eq!(status, Status::Reserved);
    let change = ["payment", "set", "--rate", "5", "--why", "slow"];
    let (is_success, text) =
        pool(&change, Role::Operator, &cluster.processes.servers.brokers).await;
    assert!(!is_success && text.contains("its workers go on with revision 1"), "{text}");
    cluster.set_pool_in_time(payment::POOL, "{}", 1).await;
    cluster.wait_for_status(id, Status::Fulfilled).await;
    cluster.verify_and_stop(&[id]).await;
}

#[tokio::test]
async fn a_consumer_that_is_paused_by_hand_stays_so_whatever_the_setting_says() {
    let cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("KEPT", 10)]).await;
    let mut nats = cluster.nats().await;
    let pause = json!({"pause_until": "2100-01-01T00:00:00Z"});
    nats.api("CONSUMER.PAUSE.ORDERS_1.payment", &pause).await;
    cluster.set_pool_in_time(payment::POOL, PAUSED, 1).await;
    cluster.set_pool_in_time(payment::POOL, "{}", 1).await;
    let id = cluster.place("kept", &basket(&[("KEPT", 1)])).await;
    cluster.wait_for_status(id, Status::Reserved).await;
    let info = nats.api("CONSUMER.INFO.ORDERS_1.payment", &json!({})).await;
    assert_eq!(info["paused"], true, "{info}");
    assert!(cluster.status_text().await.contains("delivery is paused until 2100"));
    nats.api("CONSUMER.PAUSE.ORDERS_1.payment", &json!({})).await;
    cluster.wait_for_status(id, Status::Fulfilled).await;
    cluster.verify_and_stop(&[id]).await;
}

impl TestCluster {
    /// The log of the worker of a pool, since its last start.
    fn log_of(&mut self, pool: streams::Pool) -> String {
        let text = fs::read_to_string(self.worker(pool).log()).unwrap();
        text.rsplit("worker stopped").next().unwrap().to_owned()
    }
}
