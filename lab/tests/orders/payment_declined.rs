//! A card that the bank declines, an unknown token, or none at all: stock is released, and no money is
//! moved.

use orders::{BodyDigest, CancelReason, Event, EventBody, EventKind, Reason, Status};
use serde_json::json;
use uuid::Uuid;
use workers::payment::provider::NewIntent;

use super::events::{created, ndjson_line};
use super::fixtures::{PRICE, basket, item, with_payment_token};
use super::test_cluster::{TestCluster, with_shared_cluster};

#[test]
fn a_declined_order_is_cancelled_with_the_decline_code_and_its_stock_is_released() {
    with_shared_cluster(async |cluster| {
        cluster.load_catalog(&[item("DECLINED", 5)]).await;
        let cards = [
            ("tok_chargeDeclined", "generic_decline"),
            ("tok_insufficientFunds", "insufficient_funds"),
            ("tok_unknown", "invalid_token"),
        ];
        for (token, decline_code) in cards {
            let body = with_payment_token(basket(&[("DECLINED", 5)]), token);
            let placed = cluster.post(0, token, &body).await;
            let id = placed.order_id();
            let views = cluster.wait_until_final(&[id]).await;
            let history: Vec<_> = views[0].history.iter().map(|change| change.status).collect();
            let expected =
                [Status::Accepted, Status::Reserved, Status::Declined, Status::Cancelled];
            assert_eq!(history, expected, "{token}");
            let status = cluster.current_status(placed.signed_id()).await;
            let reason = json!({"code": "payment_declined", "decline_code": decline_code});
            assert_eq!(status["reason"], reason);
            assert_eq!(cluster.on_hand("DECLINED").await, 5);
            cluster.assert_consistent(&[id]).await;
        }
    });
}

#[test]
fn an_order_that_was_stored_without_a_payment_is_cancelled_without_a_call_to_the_provider() {
    with_shared_cluster(async |cluster| {
        cluster.load_catalog(&[item("UNPAYABLE", 5)]).await;
        let order = created_without_payment("no-payment", "UNPAYABLE");
        cluster.publish(EventKind::Created, &[ndjson_line(&order)]).await;
        cluster.assert_cancelled_without_payment(&order, "UNPAYABLE").await;
        let intents = cluster.intents_of(order.order_id).await;
        assert!(intents.is_empty(), "{intents:?}");
    });
}

#[test]
fn an_order_without_a_payment_for_which_an_earlier_version_made_an_intent_is_cancelled_too() {
    with_shared_cluster(async |cluster| {
        cluster.load_catalog(&[item("UNPAID-INTENT", 5)]).await;
        let order = created_without_payment("no-card", "UNPAID-INTENT");
        cluster.insert_pending_payment(&order).await;
        cluster.publish(EventKind::Created, &[ndjson_line(&order)]).await;
        cluster.assert_cancelled_without_payment(&order, "UNPAID-INTENT").await;
        let intents = cluster.intents_of(order.order_id).await;
        assert_eq!(intents[0].amount_received, 0);
    });
}

/// The event of an order as an earlier version stored it.
fn created_without_payment(key: &str, sku: &str) -> Event {
    let mut event = created(key, &basket(&[(sku, 1)]));
    if let EventBody::Created(created) = &mut event.body {
        created.order.payment_token = None;
        created.digest = BodyDigest::of(&created.order);
    }
    assert!(!String::from_utf8(ndjson_line(&event)).unwrap().contains("payment"));
    event
}

impl TestCluster {
    /// Writes the row of a charge that has been begun, and creates its intent, which has no card.
    async fn insert_pending_payment(&self, order: &Event) {
        let provider = &self.sources.provider;
        let id = order.order_id.to_string();
        let new = NewIntent { order: &id, amount: PRICE, currency: "GBP", payment_method: None };
        let intent = provider.create_intent(&new, &id).await.unwrap().id;
        let connection = self.sources.database.connection().await.unwrap();
        let insert = "INSERT INTO payment.payments (order_id, state, amount, currency, intent)
                      VALUES ($1, 'pending', $2, 'GBP', $3)";
        let row = Uuid::from_bytes(*order.order_id.as_bytes());
        connection.execute(insert, &[&row, &PRICE, &intent]).await.unwrap();
    }

    async fn assert_cancelled_without_payment(&self, order: &Event, sku: &str) {
        let id = order.order_id;
        let view = self.wait_until_final(&[id]).await.remove(0);
        let history: Vec<_> = view.history.iter().map(|change| change.status).collect();
        let expected = [Status::Accepted, Status::Reserved, Status::Declined, Status::Cancelled];
        assert_eq!(history, expected);
        let decline_code = "payment_missing".to_owned();
        assert_eq!(
            view.reason,
            Some(Reason::Cancelled(CancelReason::PaymentDeclined { decline_code }))
        );
        assert_eq!(self.on_hand(sku).await, 5);
        self.assert_consistent(&[id]).await;
    }
}
