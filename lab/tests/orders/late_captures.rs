//! Confirms that take effect when payment has given up: no order is charged twice, and no money is kept
//! for an order that is cancelled by then.

use orders::{EventKind, OrderId, Status};
use payment_simulator::finish_late_confirms;
use serde_json::{Value, json};
use streams::Profile;
use workers::payment;
use workers::payment::provider;

use super::fixtures::{basket, item, rows, with_another_card};
use super::test_cluster::{TestCluster, plan, wait_until};

const ORDERS: usize = 20;
const STOCK: i64 = 100;

#[tokio::test]
async fn a_capture_that_comes_after_its_order_was_cancelled_is_refused() {
    let cluster = start("2s").await;
    cluster.set_provider_faults("fail=late&late_ms=600000").await;
    let ids = cluster.place_all(&rows("refused", ORDERS, |_| basket(&[("PAY", 1)]))).await;
    let views = cluster.wait_until_final(&ids).await;
    assert!(views.iter().all(|view| view.status == Status::Cancelled));
    assert!(cluster.late_confirms().await > 0);
    cluster.finish_late_confirms().await;
    for id in &ids {
        assert_eq!(cluster.charges_of(*id).await, 0);
    }
    assert_eq!(cluster.on_hand("PAY").await, STOCK);
    cluster.verify_and_stop(&ids).await;
}

#[tokio::test]
async fn a_capture_that_comes_before_its_order_is_cancelled_is_refunded() {
    let mut cluster = start("8s").await;
    cluster.set_provider_faults("fail=late&late_ms=600000").await;
    let id = cluster.place("refunded", &basket(&[("PAY", 1)])).await;
    wait_until("a confirm is late", async || cluster.late_confirms().await > 0).await;
    cluster.stop_worker(payment::POOL).await;
    cluster.finish_late_confirms().await;
    assert_eq!(cluster.charges_of(id).await, 1);
    cluster.wait_for_event(id, EventKind::Withdrawn).await;
    cluster.set_provider_faults("fail=none").await;
    cluster.start_worker(payment::POOL).await;
    assert_eq!(cluster.wait_until_final(&[id]).await[0].status, Status::Cancelled);
    let refunds = cluster.sources.provider.list_refunds(None).await.unwrap().data;
    assert_eq!(refunds.len(), 1);
    cluster.verify_and_stop(&[id]).await;
}

#[tokio::test]
async fn every_order_ends_and_is_charged_at_most_once_while_confirms_are_late() {
    let cluster = start("8s").await;
    cluster.set_provider_faults("fail=late&rate=0.5&late_ms=1000").await;
    let ids = cluster.place_all(&rows("late", ORDERS, |_| basket(&[("PAY", 1)]))).await;
    cluster.wait_until_final(&ids).await;
    cluster.finish_late_confirms().await;
    for id in &ids {
        assert!(cluster.charges_of(*id).await <= 1);
    }
    cluster.verify_and_stop(&ids).await;
}

#[tokio::test]
async fn another_card_that_captures_late_does_not_pay_for_a_cancelled_order() {
    let cluster = start("5s").await;
    let body = with_another_card(basket(&[("PAY", 1)]), "tok_chargeDeclined");
    let waiting = cluster.place_waiting("another-card", &body).await;
    cluster.set_provider_faults("fail=late&late_ms=600000").await;
    let card = json!({"token": "tok_visa"});
    cluster.submit_payment(&waiting.signed_id, &card).await;
    wait_until("the confirm with another card is late", async || cluster.late_confirms().await > 0)
        .await;
    assert_eq!(cluster.wait_until_final(&[waiting.id]).await[0].status, Status::Cancelled);
    cluster.finish_late_confirms().await;
    assert_eq!(cluster.charges_of(waiting.id).await, 0);
    cluster.verify_without_waiting_for_polls(&[waiting.id]).await;
}

/// A cluster that gives up a call after a moment, and an order after `payment_timeout`.
async fn start(payment_timeout: &str) -> TestCluster {
    let mut plan = plan(Profile::Single);
    for (name, value) in
        [("MILLRACE_PROVIDER_TIMEOUT", "500ms"), ("MILLRACE_PAYMENT_TIMEOUT", payment_timeout)]
    {
        plan.envs.push((name.to_owned(), value.to_owned()));
    }
    let cluster = TestCluster::start(plan).await;
    cluster.load_catalog(&[item("PAY", STOCK)]).await;
    cluster
}

impl TestCluster {
    /// How many confirms are received and have no effect yet.
    async fn late_confirms(&self) -> u64 {
        let url = format!("{}/control", self.processes.provider.url());
        let control: Value = self.http.get(&url).await.body;
        control["late_confirms"].as_u64().unwrap()
    }

    async fn finish_late_confirms(&self) {
        finish_late_confirms(self.processes.provider.url()).await.unwrap();
    }

    /// How often an order was charged, even if that is refunded.
    async fn charges_of(&self, id: OrderId) -> usize {
        let intents = self.intents_of(id).await.into_iter();
        intents.filter(|intent| intent.status == provider::Status::Succeeded).count()
    }
}
