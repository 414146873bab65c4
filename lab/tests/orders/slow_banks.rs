//! A bank that takes its time: the payment is being processed, and may still succeed or fail. The order waits,
//! and so does its withdrawal. No attempt is counted.

use orders::{EventKind, OrderId, Status};
use streams::Profile;

use super::events::{cancel_requested, ndjson_line};
use super::fixtures::{basket, item};
use super::schedules::Schedules;
use super::test_cluster::{TestCluster, plan};

const STOCK: i64 = 10;
const KEY: &str = "processed";

#[tokio::test]
async fn a_payment_that_is_being_processed_is_paid_once_its_bank_has_decided() {
    let (cluster, id, schedules) = start_processing().await;
    cluster.set_provider_faults("payments=succeeded").await;
    assert_eq!(cluster.wait_until_final(&[id]).await[0].status, Status::Fulfilled);
    assert_eq!(schedules.failed_attempts(), 0);
    cluster.verify_and_stop(&[id]).await;
}

#[tokio::test]
async fn a_payment_that_fails_after_it_was_processed_is_declined() {
    let (cluster, id, schedules) = start_processing().await;
    cluster.set_provider_faults("payments=failed").await;
    assert_eq!(cluster.wait_until_final(&[id]).await[0].status, Status::Cancelled);
    assert_eq!(cluster.on_hand("BANK").await, STOCK);
    assert_eq!(schedules.failed_attempts(), 0);
    cluster.verify_and_stop(&[id]).await;
}

#[tokio::test]
async fn an_order_that_is_withdrawn_while_its_payment_is_processed_is_refunded() {
    let (cluster, id, schedules) = start_processing().await;
    let request = ndjson_line(&cancel_requested(KEY));
    cluster.publish(EventKind::CancelRequested, &[request]).await;
    cluster.wait_for_status(id, Status::Withdrawn).await;
    schedules.wait_for_event("withdrawn").await;
    assert_eq!(cluster.on_hand("BANK").await, STOCK - 1, "money may still be taken");

    cluster.set_provider_faults("payments=succeeded").await;
    assert_eq!(cluster.wait_until_final(&[id]).await[0].status, Status::Cancelled);
    assert_eq!(cluster.on_hand("BANK").await, STOCK);
    let refunds = cluster.sources.provider.list_refunds(None).await.unwrap().data;
    assert_eq!(refunds.len(), 1, "{refunds:?}");
    assert_eq!(schedules.failed_attempts(), 0);
    cluster.verify_and_stop(&[id]).await;
}

/// A cluster with one order whose payment is being processed, and what is scheduled.
async fn start_processing() -> (TestCluster, OrderId, Schedules) {
    let cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("BANK", STOCK)]).await;
    let schedules = cluster.collect_schedules().await;
    cluster.set_provider_faults("payments=processing").await;
    let id = cluster.place(KEY, &basket(&[("BANK", 1)])).await;
    schedules.wait_for_event("reserved").await;
    (cluster, id, schedules)
}
