//! Cards that need the buyer: 3-D Secure.

use hyper::StatusCode;
use payment_simulator::FaultConfig;
use serde_json::{Value, json};

use super::test_simulator::TestSimulator;

const CARD: &str = "tok_threeDSecureRequired";

fn id(intent: &Value) -> &str {
    intent["id"].as_str().unwrap()
}

#[tokio::test]
async fn a_confirm_asks_for_the_buyer_and_captures_nothing() {
    let provider = TestSimulator::start(FaultConfig::default()).await;
    for card in [CARD, "pm_card_threeDSecureRequired"] {
        let form = format!("amount=1250&currency=gbp&payment_method={card}");
        let created = provider.send("POST", "/v1/payment_intents", &form, None).await.json();
        let id = id(&created);
        assert_eq!(
            (&created["status"], &created["next_action"]),
            (&json!("requires_confirmation"), &json!(null))
        );
        let confirmed = provider.confirm(id, "").await;
        assert_eq!(confirmed.status, StatusCode::OK);
        let body = confirmed.json();
        assert_eq!(
            (&body["status"], &body["amount_received"]),
            (&json!("requires_action"), &json!(0))
        );
        let url = format!("{}/authenticate/{id}", provider.url);
        let redirect = json!({ "url": url, "return_url": null });
        let expected = json!({ "type": "redirect_to_url", "redirect_to_url": redirect });
        assert_eq!(body["next_action"], expected);
        let secret = body["client_secret"].as_str().unwrap();
        assert!(secret.starts_with(&format!("{id}_secret_")), "{secret}");
        assert_eq!(secret, created["client_secret"]);
        let repeated = provider.confirm(id, "").await;
        assert_eq!((repeated.status, repeated.json()), (StatusCode::OK, body));
    }
    provider.stop().await;
}

#[tokio::test]
async fn the_page_asks_the_buyer_and_says_what_happened() {
    let provider = TestSimulator::start(FaultConfig::default()).await;
    let intent = provider.pay(CARD).await;
    let path = format!("/authenticate/{}", id(&intent));
    let page = provider.browse("GET", &path, "").await;
    assert_eq!(page.status, StatusCode::OK);
    for part in [
        "<html lang=\"en\">",
        "<title>Approve this payment?</title>",
        "12.50 GBP",
        "<form method=\"post\"",
        "name=\"result\" value=\"approve\"",
        "name=\"result\" value=\"deny\"",
    ] {
        assert!(page.html.contains(part), "{part} is not in {}", page.html);
    }
    assert!(!page.html.contains("<script"));
    let unclear = provider.browse("POST", &path, "result=maybe").await;
    assert_eq!(unclear.status, StatusCode::BAD_REQUEST);
    let approved = provider.browse("POST", &path, "result=approve").await;
    assert_eq!(approved.status, StatusCode::OK);
    assert!(approved.html.contains("approved"), "{}", approved.html);
    let paid = provider.intent(id(&intent)).await;
    assert_eq!(
        (&paid["status"], &paid["amount_received"], &paid["next_action"]),
        (&json!("succeeded"), &json!(1250), &json!(null))
    );
    for (method, path, form, status) in [
        ("GET", path.as_str(), "", StatusCode::BAD_REQUEST),
        ("POST", path.as_str(), "result=deny", StatusCode::BAD_REQUEST),
        ("GET", "/authenticate/pi_%3Cb%3E", "", StatusCode::NOT_FOUND),
        ("POST", "/authenticate/pi_unknown", "result=deny", StatusCode::NOT_FOUND),
    ] {
        let page = provider.browse(method, path, form).await;
        assert_eq!(page.status, status, "{method} {path}");
    }
    assert_eq!(provider.intent(id(&intent)).await, paid);
    provider.stop().await;
}

#[tokio::test]
async fn a_denied_payment_requires_another_payment_method() {
    let provider = TestSimulator::start(FaultConfig::default()).await;
    let intent = provider.pay(CARD).await;
    let path = format!("/authenticate/{}", id(&intent));
    let denied = provider.browse("POST", &path, "result=deny").await;
    assert_eq!(denied.status, StatusCode::OK);
    assert!(denied.html.contains("denied"), "{}", denied.html);
    let failed = provider.intent(id(&intent)).await;
    let error = &failed["last_payment_error"];
    assert_eq!(
        (&failed["status"], &failed["payment_method"], &failed["amount_received"]),
        (&json!("requires_payment_method"), &json!(null), &json!(0))
    );
    assert_eq!(
        (&error["type"], &error["code"]),
        (&json!("card_error"), &json!("payment_intent_authentication_failure"))
    );
    let without_card = provider.confirm(id(&intent), "").await;
    assert_eq!(without_card.status, StatusCode::BAD_REQUEST);
    assert_eq!(without_card.json()["error"]["payment_intent"], failed);
    provider.stop().await;
}

#[tokio::test]
async fn a_payment_that_waits_for_the_buyer_can_be_cancelled() {
    let provider = TestSimulator::start(FaultConfig::default()).await;
    let intent = provider.pay(CARD).await;
    let cancel = format!("/v1/payment_intents/{}/cancel", id(&intent));
    let canceled = provider.send("POST", &cancel, "", None).await;
    assert_eq!((canceled.status, &canceled.json()["status"]), (StatusCode::OK, &json!("canceled")));
    let path = format!("/authenticate/{}", id(&intent));
    let late = provider.browse("POST", &path, "result=approve").await;
    assert_eq!(late.status, StatusCode::BAD_REQUEST);
    assert_eq!(provider.intent(id(&intent)).await["status"], "canceled");
    provider.stop().await;
}
