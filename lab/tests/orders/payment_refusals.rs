//! A refusal of the provider that is about the order is a decline: the buyer gets its code, the
//! stock is released, and no operator is needed.

use orders::Status;
use serde_json::{Value, json};
use streams::Profile;
use workers::inventory::stock::CatalogItem;

use super::fixtures::{basket, item, with_payment_token};
use super::test_cluster::{TestCluster, plan, wait_until};

const STOCK: i64 = 5;

#[tokio::test]
async fn an_amount_below_the_providers_minimum_is_declined() {
    let cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("SMALL", STOCK)]).await;
    cluster.set_provider_faults("amount_min=1000").await;
    cluster.assert_declined("SMALL", &basket(&[("SMALL", 1)]), "amount_too_small").await;
    // A larger order is not affected.
    let large = cluster.place("large", &basket(&[("SMALL", 4)])).await;
    assert_eq!(cluster.wait_until_final(&[large]).await[0].status, Status::Fulfilled);
    cluster.verify_and_stop(&[large]).await;
}

#[tokio::test]
async fn a_currency_that_the_provider_does_not_support_is_declined() {
    let cluster = TestCluster::start(plan(Profile::Single)).await;
    let currency = "KPW".parse().unwrap();
    cluster.load_catalog(&[CatalogItem { currency, ..item("FOREIGN", STOCK) }]).await;
    let mut body = basket(&[("FOREIGN", 1)]);
    body["currency"] = json!("KPW");
    cluster.assert_declined("FOREIGN", &body, "invalid_currency").await;
    cluster.verify_and_stop(&[]).await;
}

#[tokio::test]
async fn a_decline_without_the_intent_is_a_decline() {
    let cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("BARE", STOCK)]).await;
    let body = with_payment_token(basket(&[("BARE", 1)]), "tok_chargeDeclinedWithoutIntent");
    cluster.assert_declined("BARE", &body, "generic_decline").await;
    cluster.verify_and_stop(&[]).await;
}

impl TestCluster {
    /// Places an order, and asserts that it is cancelled with this decline code.
    async fn assert_declined(&self, sku: &str, body: &Value, decline_code: &str) {
        let placed = self.post(0, sku, body).await;
        let id = placed.order_id();
        wait_until("the order is final, or there is a dead letter", async || {
            let view = self.views(&[id]).await.remove(0);
            view.is_some_and(|view| view.status.is_final()) || !self.dead_letters().await.is_empty()
        })
        .await;
        assert_eq!(self.dead_letters().await, []);
        let views = self.wait_until_final(&[id]).await;
        let history: Vec<_> = views[0].history.iter().map(|change| change.status).collect();
        let expected = [Status::Accepted, Status::Reserved, Status::Declined, Status::Cancelled];
        assert_eq!(history, expected);
        let status = self.current_status(placed.signed_id()).await;
        let reason = json!({"code": "payment_declined", "decline_code": decline_code});
        assert_eq!(status["reason"], reason);
        assert_eq!(self.on_hand(sku).await, STOCK);
        self.assert_consistent(&[id]).await;
    }
}
