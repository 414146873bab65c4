//! Refusals that are about the order: a small amount, an unsupported currency, a bare decline.

use hyper::StatusCode;
use payment_simulator::FaultConfig;
use serde_json::json;

use super::test_simulator::{TestSimulator, create};

#[tokio::test]
async fn an_amount_below_the_minimum_and_an_unsupported_currency_are_refused() {
    let provider = TestSimulator::start(FaultConfig::default()).await;
    provider.control("amount_min=50").await;
    for (form, code, param) in [
        ("amount=49&currency=usd", json!("amount_too_small"), "amount"),
        ("amount=50&currency=kpw", json!(null), "currency"),
    ] {
        let raw = provider.send("POST", "/v1/payment_intents", form, None).await;
        assert_eq!(raw.status, StatusCode::BAD_REQUEST, "{form}");
        let error = &raw.json()["error"];
        assert_eq!((&error["code"], &error["param"]), (&code, &param.into()), "{form}");
    }
    provider.stop().await;
}

#[tokio::test]
async fn a_decline_can_come_without_the_intent() {
    let provider = TestSimulator::start(FaultConfig::default()).await;
    let client = provider.client();
    let intent = create(&client, Some("tok_chargeDeclinedWithoutIntent"), "bare").await;
    let path = format!("/v1/payment_intents/{}/confirm", intent.id);
    let raw = provider.send("POST", &path, "", None).await;
    assert_eq!(raw.status, StatusCode::PAYMENT_REQUIRED);
    let error = &raw.json()["error"];
    assert_eq!(
        (&error["decline_code"], &error["payment_intent"]),
        (&json!("generic_decline"), &json!(null))
    );
    provider.stop().await;
}
