//! The response to the request that creates an intent is lost, or is a failure although the intent
//! was created: a token that can be used only once still pays for the order.

use orders::Status;

use super::fixtures::{basket, item, with_payment_token};
use super::test_cluster::{TestCluster, wait_until, with_shared_cluster};

#[test]
fn an_order_whose_create_is_not_answered_is_paid_once_with_one_intent() {
    with_shared_cluster(async |cluster| {
        cluster.assert_paid_with_one_intent("LOST", "tok_once_lost_create").await;
    });
}

#[test]
fn an_order_whose_create_fails_after_its_effect_is_paid_once_with_one_intent() {
    with_shared_cluster(async |cluster| {
        cluster.assert_paid_with_one_intent("FAILED", "tok_once_failed_create").await;
    });
}

impl TestCluster {
    async fn assert_paid_with_one_intent(&self, sku: &str, token: &str) {
        self.load_catalog(&[item(sku, 9)]).await;
        let body = with_payment_token(basket(&[(sku, 1)]), token);
        let id = self.place(token, &body).await;
        let mut letters = Vec::new();
        wait_until("the order is final, or a dead letter", async || {
            let view = self.views(&[id]).await.remove(0);
            letters = self.dead_letters().await;
            letters.retain(|letter| letter.order_id() == Some(id));
            view.is_some_and(|view| view.status.is_final()) || !letters.is_empty()
        })
        .await;
        assert_eq!(letters, []);
        assert_eq!(self.wait_until_final(&[id]).await[0].status, Status::Fulfilled);
        let order = id.to_string();
        let intents = self.sources.provider.list_intents(None).await.unwrap().data;
        let is_ours = |order_id: Option<&str>| order_id == Some(order.as_str());
        let intents = intents.iter().filter(|it| is_ours(it.metadata.order_id.as_deref()));
        assert_eq!(intents.count(), 1);
        self.assert_consistent(&[id]).await;
    }
}
