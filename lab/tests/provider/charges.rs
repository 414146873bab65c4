//! Charges, declines, cancellations and refunds.

use hyper::StatusCode;
use payment_simulator::FaultConfig;
use workers::payment::provider::{CallError, Confirmation, Decline, Limits, RefundStatus, Status};

use super::test_simulator::{TestSimulator, all_intents, all_refunds, client, create};

fn declined(code: &str) -> Confirmation {
    Confirmation::Declined(Decline::of_method(code.to_owned()))
}

#[tokio::test]
async fn a_valid_card_is_charged_the_amount_of_the_order() {
    let provider = TestSimulator::start(FaultConfig::default()).await;
    let client = provider.client();
    for (order, token) in [("a", None), ("b", Some("tok_visa")), ("c", Some("pm_card_visa"))] {
        let intent = create(&client, token, order).await;
        assert_eq!(intent.status, Status::RequiresConfirmation);
        assert_eq!((intent.amount, intent.amount_received), (1250, 0));
        assert_eq!(
            (intent.currency.as_str(), intent.metadata.order_id.as_deref()),
            ("gbp", Some(order))
        );
        assert_eq!(client.confirm(&intent.id, order).await.unwrap(), Confirmation::Succeeded);
        let intent = client.retrieve(&intent.id).await.unwrap();
        assert_eq!((intent.status, intent.amount_received), (Status::Succeeded, 1250));
    }
    provider.stop().await;
}

#[tokio::test]
async fn a_declined_card_stays_declined_under_any_idempotency_key() {
    let provider = TestSimulator::start(FaultConfig::default()).await;
    let client = provider.client();
    for (token, code) in [
        ("tok_chargeDeclined", "generic_decline"),
        ("pm_card_chargeDeclined", "generic_decline"),
        ("tok_insufficientFunds", "insufficient_funds"),
        ("pm_card_insufficientFunds", "insufficient_funds"),
        ("tok_chargeDeclinedStolenCard", "stolen_card"),
    ] {
        let intent = create(&client, Some(token), token).await;
        for key in ["first", "first", "second"] {
            let key = format!("{token}/{key}");
            assert_eq!(client.confirm(&intent.id, &key).await.unwrap(), declined(code));
        }
        let intent = client.retrieve(&intent.id).await.unwrap();
        assert_eq!((intent.status, intent.amount_received), (Status::RequiresPaymentMethod, 0));
    }
    let form = "amount=5&currency=eur&payment_method=tok_chargeDeclined&confirm=true";
    let raw = provider.send("POST", "/v1/payment_intents", form, None).await;
    assert_eq!(raw.status, StatusCode::PAYMENT_REQUIRED);
    let error = &raw.json()["error"];
    assert_eq!(error["type"], "card_error");
    assert_eq!(error["code"], "card_declined");
    assert_eq!(error["payment_intent"]["status"], "requires_payment_method");
    provider.stop().await;
}

#[tokio::test]
async fn a_repeated_refund_returns_the_money_once() {
    let provider = TestSimulator::start(FaultConfig::default()).await;
    let client = provider.client();
    let intent = create(&client, None, "refund").await;
    let early = client.refund(&intent.id, 1250, "early").await.unwrap_err();
    assert!(
        matches!(&early, CallError::Refused { code, .. } if code == "payment_intent_unexpected_state"),
        "{early}"
    );
    client.confirm(&intent.id, "confirm").await.unwrap();
    for key in ["refund", "refund", "another"] {
        let status = client.refund(&intent.id, 1250, key).await.unwrap();
        assert_eq!(status, RefundStatus::Succeeded);
    }
    let refunds = all_refunds(&client).await;
    assert_eq!(refunds.len(), 1);
    assert_eq!((refunds[0].amount, &refunds[0].payment_intent), (1250, &intent.id));
    provider.stop().await;
}

#[tokio::test]
async fn partial_refunds_never_exceed_the_capture() {
    let provider = TestSimulator::start(FaultConfig::default()).await;
    let client = provider.client();
    let intent = create(&client, None, "partial").await;
    client.confirm(&intent.id, "confirm").await.unwrap();
    let form = |amount| format!("payment_intent={}&amount={amount}", intent.id);
    let part = provider.send("POST", "/v1/refunds", &form(1000), None).await;
    assert_eq!(part.json()["amount"], 1000);
    let too_much = provider.send("POST", "/v1/refunds", &form(251), None).await;
    assert_eq!(too_much.status, StatusCode::BAD_REQUEST);
    client.refund(&intent.id, 1250, "rest").await.unwrap();
    assert_eq!(all_refunds(&client).await.iter().map(|refund| refund.amount).sum::<i64>(), 1250);
    provider.stop().await;
}

#[tokio::test]
async fn a_cancelled_intent_reports_whether_the_money_had_been_captured() {
    let provider = TestSimulator::start(FaultConfig::default()).await;
    let client = provider.client();
    let open = create(&client, None, "open").await;
    assert_eq!(client.cancel(&open.id, "1").await.unwrap(), Status::Canceled);
    assert_eq!(client.cancel(&open.id, "2").await.unwrap(), Status::Canceled);
    let confirmation = client.confirm(&open.id, "3").await.unwrap();
    assert_eq!(confirmation, Confirmation::Unexpected { status: Status::Canceled });

    let paid = create(&client, None, "paid").await;
    client.confirm(&paid.id, "4").await.unwrap();
    assert_eq!(client.cancel(&paid.id, "5").await.unwrap(), Status::Succeeded);
    provider.stop().await;
}

#[tokio::test]
async fn lists_have_every_intent_once_newest_first() {
    let provider = TestSimulator::start(FaultConfig::default()).await;
    let client = client(&provider.url, Limits { page: 3, ..Limits::default() });
    let mut created = Vec::new();
    for order in 0..7 {
        created.push(create(&client, None, &order.to_string()).await.id);
    }
    let listed: Vec<String> =
        all_intents(&client).await.into_iter().map(|intent| intent.id).collect();
    created.reverse();
    assert_eq!(listed, created);
    let default_page = provider.send("GET", "/v1/payment_intents", "", None).await.json();
    assert_eq!(
        (&default_page["object"], &default_page["has_more"]),
        (&"list".into(), &false.into())
    );
    for query in ["limit=0", "limit=10001", "starting_after=pi_unknown", "ending_before=x"] {
        let raw = provider.send("GET", &format!("/v1/payment_intents?{query}"), "", None).await;
        assert!(raw.status.is_client_error(), "{query}");
    }
    provider.stop().await;
}
