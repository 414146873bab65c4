//! A buyer's cancellation at every stage of an order's lifecycle: before the shipment, stock and
//! money are returned; after it, the cancellation is refused.

use hyper::StatusCode;
use orders::{EventKind, OrderId, Status};
use serde_json::json;
use streams::Profile;
use workers::{fulfilment, inventory, payment};

use super::events::{cancel_requested, ndjson_line, order_id};
use super::fixtures::{basket, item, with_payment_token};
use super::test_cluster::{TestCluster, plan, wait_until};

const STOCK: i64 = 100;

async fn start() -> TestCluster {
    let cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("CANCELLED", STOCK)]).await;
    cluster
}

#[tokio::test]
async fn an_order_can_be_cancelled_before_it_is_reserved() {
    let mut cluster = start().await;
    cluster.stop_worker(inventory::POOL).await;
    let placed = cluster.post(0, "unseen", &basket(&[("CANCELLED", 1)])).await;
    cluster.cancel_at_both_edges(placed.signed_id(), Status::Accepted).await;
    cluster.wait_for_event(placed.order_id(), EventKind::Refunded).await;
    cluster.start_worker(inventory::POOL).await;
    cluster.assert_cancelled(placed.signed_id(), &[]).await;
    cluster.verify_and_stop(&[placed.order_id()]).await;
}

#[tokio::test]
async fn an_order_can_be_cancelled_between_reserve_and_charge() {
    let mut cluster = start().await;
    cluster.stop_worker(payment::POOL).await;
    let placed = cluster.post(0, "uncharged", &basket(&[("CANCELLED", 1)])).await;
    cluster.wait_for_status(placed.order_id(), Status::Reserved).await;
    cluster.cancel_at_both_edges(placed.signed_id(), Status::Reserved).await;
    cluster.wait_for_event(placed.order_id(), EventKind::Withdrawn).await;
    // Charge and refund start at the same time; in either order, no money is held.
    cluster.start_worker(payment::POOL).await;
    cluster.assert_cancelled(placed.signed_id(), &[Status::Reserved, Status::Withdrawn]).await;
    cluster.verify_and_stop(&[placed.order_id()]).await;
}

#[tokio::test]
async fn an_order_can_be_cancelled_while_its_charge_hangs_after_the_capture() {
    let mut cluster = start().await;
    cluster.stop_worker(fulfilment::POOL).await;
    let body = with_payment_token(basket(&[("CANCELLED", 1)]), "tok_hang");
    let placed = cluster.post(0, "hangs", &body).await;
    let id = placed.order_id();
    cluster.wait_until_captured(id).await;
    assert_eq!(cluster.open_payment_transactions().await, 0, "while the call hangs");
    // Whether or not the charge has been answered by now, fulfilment has decided.
    cluster.decide_withdrawal("hangs").await;
    cluster.start_worker(fulfilment::POOL).await;
    cluster.publish(EventKind::CancelRequested, &[ndjson_line(&cancel_requested("hangs"))]).await;
    cluster.assert_cancelled(placed.signed_id(), &[]).await;
    cluster.verify_and_stop(&[id]).await;
}

#[tokio::test]
async fn an_order_can_be_cancelled_after_its_charge_has_crashed_after_the_capture() {
    let mut cluster = start().await;
    cluster.restart_worker_with_failpoint(payment::POOL, "charge.confirmed").await;
    let placed = cluster.post(0, "captured", &basket(&[("CANCELLED", 1)])).await;
    cluster.wait_for_worker_crash(payment::POOL).await;
    cluster.cancel_at_both_edges(placed.signed_id(), Status::Reserved).await;
    cluster.wait_for_event(placed.order_id(), EventKind::Withdrawn).await;
    cluster.start_worker(payment::POOL).await;
    cluster.assert_cancelled(placed.signed_id(), &[Status::Reserved, Status::Withdrawn]).await;
    // The charge is redelivered, and finds that it was made and refunded.
    cluster.assert_quiescent_and_consistent(&[placed.order_id()]).await;
    assert!(cluster.events_of(placed.order_id()).await.contains(&EventKind::Paid));
    cluster.verify_and_stop(&[placed.order_id()]).await;
}

#[tokio::test]
async fn an_order_can_be_cancelled_between_charge_and_ship_but_not_after() {
    let mut cluster = start().await;
    cluster.stop_worker(fulfilment::POOL).await;
    let placed = cluster.post(0, "unshipped", &basket(&[("CANCELLED", 1)])).await;
    cluster.wait_for_status(placed.order_id(), Status::Paid).await;
    // Of the two events that wait for fulfilment, the cancel request is processed first.
    cluster.decide_withdrawal("unshipped").await;
    cluster
        .publish(EventKind::CancelRequested, &[ndjson_line(&cancel_requested("unshipped"))])
        .await;
    cluster.start_worker(fulfilment::POOL).await;
    cluster
        .assert_cancelled(placed.signed_id(), &[Status::Reserved, Status::Paid, Status::Withdrawn])
        .await;

    let late = cluster.post(0, "late", &basket(&[("CANCELLED", 1)])).await;
    cluster.wait_until_final(&[late.order_id()]).await;
    let refused = cluster.cancel(1, late.signed_id()).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert_eq!(refused.body["type"], "/problems/not-cancellable");
    // An edge that does not know the status leaves the decision to fulfilment.
    cluster.publish(EventKind::CancelRequested, &[ndjson_line(&cancel_requested("late"))]).await;
    cluster.wait_for_event(order_id("late"), EventKind::CancelRefused).await;
    assert_eq!(cluster.current_status(late.signed_id()).await["status"], "fulfilled");
    assert_eq!(cluster.on_hand("CANCELLED").await, STOCK - 1);
    cluster.verify_and_stop(&[placed.order_id(), late.order_id()]).await;
}

impl TestCluster {
    /// Cancels an order whose status is `known`, at one edge and then at the other.
    async fn cancel_at_both_edges(&self, signed_id: &str, known: Status) {
        let response = self.cancel(0, signed_id).await;
        assert_eq!(response.status, StatusCode::ACCEPTED, "{}", response.body);
        // It is unknown if the worker that was asked did not answer in time.
        let status = &response.body["status"];
        assert!(*status == json!(known) || status.is_null(), "{status}");
        // The first request may have been processed by now, so the status is not compared.
        assert_eq!(self.cancel(1, signed_id).await.status, StatusCode::ACCEPTED);
    }

    /// Waits until an order is cancelled. Asserts that its status has the reason, and `history`
    /// followed by the refund, that its stock is released, and that a repeated cancellation changes
    /// nothing.
    async fn assert_cancelled(&self, signed_id: &str, history: &[Status]) {
        let id: OrderId = signed_id[..32].parse().unwrap();
        assert_eq!(self.wait_until_final(&[id]).await[0].status, Status::Cancelled);
        let status = self.current_status(signed_id).await;
        assert_eq!(status["reason"], json!({"code": "requested", "by": "buyer"}));
        let changes = status["history"].as_array().unwrap().iter();
        let statuses: Vec<_> = changes.map(|change| &change["status"]).collect();
        let mut rest = statuses.iter();
        for expected in history.iter().chain(&[Status::Refunded, Status::Cancelled]) {
            let expected = json!(expected);
            assert!(rest.any(|status| **status == expected), "{expected} in {statuses:?}");
        }
        assert_eq!(self.on_hand("CANCELLED").await, STOCK);
        let repeated = self.cancel(0, signed_id).await;
        assert_eq!(
            (repeated.status, &repeated.body["status"]),
            (StatusCode::ACCEPTED, &json!("cancelled"))
        );
    }

    /// The sessions that do nothing within a transaction on the tables of payment.
    async fn open_payment_transactions(&self) -> i64 {
        let connection = self.sources.database.connection().await.unwrap();
        let select = "SELECT count(*) FROM pg_stat_activity
                      WHERE state LIKE 'idle in transaction%' AND query LIKE '%payment.payments%'";
        connection.query_one(select, &[]).await.unwrap().get(0)
    }

    /// Waits until the provider has captured the money for an order.
    async fn wait_until_captured(&self, id: OrderId) {
        let id = id.to_string();
        wait_until("the money is captured", async || {
            let intents = self.sources.provider.list_intents(None).await.unwrap().data;
            intents.iter().any(|intent| {
                intent.metadata.order_id.as_deref() == Some(&id) && intent.amount_received > 0
            })
        })
        .await;
    }
}
