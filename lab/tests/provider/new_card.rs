//! Confirms that bring another payment method.

use hyper::StatusCode;
use payment_simulator::FaultConfig;
use serde_json::{Value, json};

use super::test_simulator::TestSimulator;

async fn unconfirmed(provider: &TestSimulator) -> Value {
    let form = "amount=1250&currency=gbp&payment_method=tok_chargeDeclined";
    provider.send("POST", "/v1/payment_intents", form, None).await.json()
}

#[tokio::test]
async fn a_new_card_pays_an_intent_that_is_not_paid() {
    let provider = TestSimulator::start(FaultConfig::default()).await;
    let declined = provider.pay("tok_chargeDeclined").await["error"]["payment_intent"].clone();
    let waiting = provider.pay("tok_threeDSecureRequired").await;
    for intent in [unconfirmed(&provider).await, declined, waiting] {
        let (id, before) = (intent["id"].as_str().unwrap(), &intent["status"]);
        let paid = provider.confirm(id, "payment_method=tok_visa").await;
        assert_eq!(paid.status, StatusCode::OK, "{before}");
        let paid = paid.json();
        assert_eq!(
            (&paid["status"], &paid["payment_method"], &paid["last_payment_error"]),
            (&json!("succeeded"), &json!("pm_card_visa"), &json!(null)),
            "{before}"
        );
        let again = provider.confirm(id, "payment_method=tok_visa").await;
        assert_eq!(again.status, StatusCode::BAD_REQUEST, "{before}");
        let code = &again.json()["error"]["code"];
        assert_eq!(code, "payment_intent_unexpected_state", "{before}");
    }
    provider.stop().await;
}

#[tokio::test]
async fn a_new_card_can_be_declined_or_fail_like_the_first_one() {
    let provider = TestSimulator::start(FaultConfig::default()).await;
    let waiting = provider.pay("tok_threeDSecureRequired").await;
    let id = waiting["id"].as_str().unwrap();
    let declined = provider.confirm(id, "payment_method=tok_insufficientFunds").await;
    assert_eq!(declined.status, StatusCode::PAYMENT_REQUIRED);
    assert_eq!(declined.json()["error"]["decline_code"], "insufficient_funds");
    for status in [500, 500, 200] {
        let response = provider.confirm(id, "payment_method=tok_flaky_2").await;
        assert_eq!(response.status.as_u16(), status);
    }
    provider.stop().await;
}

#[tokio::test]
async fn an_unknown_or_used_token_changes_nothing() {
    let provider = TestSimulator::start(FaultConfig::default()).await;
    let used = provider.pay("tok_once_a").await;
    assert_eq!(used["status"], "succeeded");
    let before = unconfirmed(&provider).await;
    let id = before["id"].as_str().unwrap();
    for (form, code) in [
        ("payment_method=tok_unknown", "resource_missing"),
        ("payment_method=tok_once_a", "token_already_used"),
    ] {
        let refused = provider.confirm(id, form).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{form}");
        let error = &refused.json()["error"];
        assert_eq!(
            (&error["code"], &error["param"]),
            (&json!(code), &json!("payment_method")),
            "{form}"
        );
    }
    assert_eq!(provider.intent(id).await, before);
    assert_eq!(provider.confirm(id, "payment_method=tok_once_b").await.status, StatusCode::OK);
    assert_eq!(provider.pay("tok_once_b").await["error"]["code"], "token_already_used");
    provider.stop().await;
}

#[tokio::test]
async fn an_intent_without_a_card_cannot_be_confirmed_until_it_gets_one() {
    let provider = TestSimulator::start(FaultConfig::default()).await;
    let form = "amount=1250&currency=gbp";
    let intent = provider.send("POST", "/v1/payment_intents", form, None).await.json();
    assert_eq!(
        (&intent["status"], &intent["payment_method"]),
        (&json!("requires_payment_method"), &json!(null))
    );
    let id = intent["id"].as_str().unwrap();
    let refused = provider.confirm(id, "").await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert_eq!(refused.json()["error"]["code"], "payment_intent_unexpected_state");
    let paid = provider.confirm(id, "payment_method=tok_visa").await;
    assert_eq!(paid.json()["status"], "succeeded");
    provider.stop().await;
}
