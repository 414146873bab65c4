//! An order that says so waits for another card when its own is declined.

use hyper::StatusCode;
use orders::{EventKind, Status};
use serde_json::json;
use workers::payment::provider;

use super::authentication::{NEVER, STOCK, Waiting, start};
use super::events::{cancel_requested, ndjson_line};
use super::fixtures::{basket, with_another_card, with_payment_token};
use super::test_cluster::{TestCluster, wait_until};

/// Cards that the bank or the provider declines, each in another way, and the codes.
const CARDS: [(&str, &str); 4] = [
    ("tok_chargeDeclined", "generic_decline"),
    ("tok_insufficientFunds", "insufficient_funds"),
    ("tok_chargeDeclinedWithoutIntent", "generic_decline"),
    // Refused when the intent is created, before any confirm.
    ("tok_unknown", "invalid_token"),
];

#[tokio::test]
async fn an_order_whose_card_is_declined_is_paid_with_another_card_on_the_same_intent() {
    let cluster = start(&[("MILLRACE_PAYMENT_POLL_INTERVAL", NEVER)]).await;
    let mut ids = Vec::new();
    for (number, (token, decline_code)) in (1..).zip(CARDS) {
        let waiting = cluster.place_with_declined_card(token).await;
        cluster.wait_for_new_method(&waiting, decline_code).await;
        assert_eq!(cluster.on_hand("PAY").await, STOCK - number);
        let intents = cluster.intents_of(waiting.id).await;

        let card = json!({"token": "tok_visa"});
        let response = cluster.submit_payment(&waiting.signed_id, &card).await;
        assert_eq!(response.status, StatusCode::ACCEPTED, "{}", response.body);
        let history = cluster.history(waiting.id).await;
        let expected = ["accepted", "reserved", "requires_action", "paid", "fulfilled"];
        assert_eq!(history, expected, "{token}");
        cluster.assert_charged_once(waiting.id).await;
        assert_eq!(cluster.intents_of(waiting.id).await[0].id, intents[0].id);
        ids.push(waiting.id);
    }
    cluster.verify_without_waiting_for_polls(&ids).await;
}

#[tokio::test]
async fn an_order_whose_card_is_declined_is_cancelled_at_once_unless_it_says_otherwise() {
    let cluster = start(&[]).await;
    let mut ids = Vec::new();
    for (token, _) in CARDS {
        let silent = with_payment_token(basket(&[("PAY", 1)]), token);
        let mut cancel = silent.clone();
        cancel["payment"]["on_decline"] = json!("cancel");
        for (number, body) in [silent, cancel].iter().enumerate() {
            let id = cluster.place(&format!("{token}-{number}"), body).await;
            let history = cluster.history(id).await;
            assert_eq!(history, ["accepted", "reserved", "declined", "cancelled"], "{body}");
            ids.push(id);
        }
    }
    assert_eq!(cluster.on_hand("PAY").await, STOCK);
    cluster.verify_and_stop(&ids).await;
}

#[tokio::test]
async fn a_decline_that_excludes_other_cards_cancels_the_order_at_once() {
    let cluster = start(&[]).await;
    let mut ids = Vec::new();
    for (faults, token, decline_code) in [
        ("amount_min=1", "tok_chargeDeclinedStolenCard", "stolen_card"),
        ("amount_min=1000", "tok_visa", "amount_too_small"),
        ("amount_min=1000", "tok_unknown", "amount_too_small"),
    ] {
        cluster.set_provider_faults(faults).await;
        let placed = cluster.post(0, token, &with_another_card(basket(&[("PAY", 1)]), token)).await;
        let history = cluster.history(placed.order_id()).await;
        assert_eq!(history, ["accepted", "reserved", "declined", "cancelled"], "{token}");
        let status = cluster.current_status(placed.signed_id()).await;
        assert_eq!(status["reason"]["decline_code"], decline_code, "{token}");
        ids.push(placed.order_id());
    }
    assert_eq!(cluster.on_hand("PAY").await, STOCK);
    cluster.verify_and_stop(&ids).await;
}

#[tokio::test]
async fn an_order_whose_every_other_card_is_declined_too_is_cancelled_after_five() {
    let cluster = start(&[("MILLRACE_PAYMENT_POLL_INTERVAL", NEVER)]).await;
    let waiting = cluster.place_with_declined_card("tok_chargeDeclined").await;
    let others = [
        "tok_chargeDeclined",
        "pm_card_chargeDeclined",
        "tok_insufficientFunds",
        "pm_card_insufficientFunds",
        "tok_unknown",
    ];
    for token in others {
        let view = cluster.views(&[waiting.id]).await.remove(0).unwrap();
        assert_eq!(view.status, Status::RequiresAction, "before {token}");
        cluster.publish_tokens("tok_chargeDeclined", [Some(token)]).await;
        cluster.wait_until_submissions_are_processed().await;
    }
    let history = cluster.history(waiting.id).await;
    assert_eq!(history, ["accepted", "reserved", "requires_action", "declined", "cancelled"]);
    cluster.assert_released(&[waiting]).await;
}

#[tokio::test]
async fn an_order_that_waits_for_another_card_can_be_cancelled_and_late_cards_change_nothing() {
    let cluster = start(&[("MILLRACE_PAYMENT_POLL_INTERVAL", NEVER)]).await;
    let mut orders = Vec::new();
    for (token, _) in CARDS {
        let waiting = cluster.place_with_declined_card(token).await;
        let cancel = ndjson_line(&cancel_requested(token));
        cluster.publish(EventKind::CancelRequested, &[cancel]).await;
        let history = cluster.history(waiting.id).await;
        let expected =
            ["accepted", "reserved", "requires_action", "withdrawn", "refunded", "cancelled"];
        assert_eq!(history, expected, "{token}");
        // As from an edge that does not know that it is too late, and as from the provider.
        cluster.publish_tokens(token, [Some("tok_visa"), None]).await;
        orders.push(waiting);
    }
    cluster.wait_until_submissions_are_processed().await;
    cluster.assert_released(&orders).await;
}

#[tokio::test]
async fn an_order_that_gets_no_other_card_is_cancelled_when_its_reservation_expires() {
    let cluster =
        start(&[("MILLRACE_PAYMENT_TIMEOUT", "10s"), ("MILLRACE_PAYMENT_POLL_INTERVAL", NEVER)])
            .await;
    let mut orders = Vec::new();
    for (token, _) in [CARDS[0], CARDS[3]] {
        orders.push(cluster.place_with_declined_card(token).await);
    }
    for order in &orders {
        let views = cluster.wait_until_final(&[order.id]).await;
        assert_eq!(views[0].status, Status::Cancelled);
        let status = cluster.current_status(&order.signed_id).await;
        assert_eq!(status["reason"], json!({"code": "requested", "by": "expiry"}));
    }
    cluster.assert_released(&orders).await;
}

impl TestCluster {
    /// Places an order with `token`, which is also its key, and waits until another card is needed.
    async fn place_with_declined_card(&self, token: &str) -> Waiting {
        let body = with_another_card(basket(&[("PAY", 1)]), token);
        let waiting = self.place_waiting(token, &body).await;
        assert_eq!(waiting.status["next_action"]["type"], "new_payment_method");
        waiting
    }

    /// Asserts that the stock of the orders is back and that they cannot be paid any more.
    async fn assert_released(self, orders: &[Waiting]) {
        wait_until("the stock is back", async || self.on_hand("PAY").await == STOCK).await;
        for order in orders {
            let intents = self.intents_of(order.id).await;
            assert_eq!(intents.len(), 1, "{intents:?}");
            assert_eq!(intents[0].status, provider::Status::Canceled);
        }
        let ids: Vec<_> = orders.iter().map(|order| order.id).collect();
        self.verify_without_waiting_for_polls(&ids).await;
    }
}
