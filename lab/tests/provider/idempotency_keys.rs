//! Idempotency keys, and requests that are refused before their key is saved.

use hyper::StatusCode;
use lab::input::GOOD_CARD;
use payment_simulator::FaultConfig;
use tokio::time::Instant;
use workers::payment::provider::{CallError, Confirmation, NewIntent, Status};

use super::test_simulator::{DEADLINE, TestSimulator, all_intents, create};

#[tokio::test]
async fn a_saved_500_is_replayed_and_a_new_key_calls_again() {
    let provider = TestSimulator::start(FaultConfig::default()).await;
    let client = provider.client();
    let intent = create(&client, Some("tok_flaky_2"), "flaky").await;
    for key in ["1", "1", "2", "1", "2"] {
        let failure = client.confirm(&intent.id, key).await.unwrap_err();
        assert!(matches!(failure, CallError::Server { status: 500, .. }), "{failure}");
    }
    assert_eq!(client.confirm(&intent.id, "3").await.unwrap(), Confirmation::Succeeded);
    let path = format!("/v1/payment_intents/{}/confirm", intent.id);
    let replay = provider.send("POST", &path, "", Some("1")).await;
    assert_eq!((replay.status.as_u16(), replay.replayed), (500, true));
    provider.stop().await;
}

#[tokio::test]
async fn a_repeated_key_returns_the_same_bytes_even_after_the_intent_has_changed() {
    let provider = TestSimulator::start(FaultConfig::default()).await;
    let form = "amount=700&currency=usd&metadata[order_id]=o1&payment_method=tok_visa";
    let first = provider.send("POST", "/v1/payment_intents", form, Some("k")).await;
    assert!(!first.replayed);
    let id = first.json()["id"].as_str().unwrap().to_owned();
    let client = provider.client();
    assert_eq!(client.confirm(&id, "c").await.unwrap(), Confirmation::Succeeded);
    let reordered = "payment_method=tok_visa&metadata%5Border_id%5D=o1&currency=usd&amount=700";
    let repeated = provider.send("POST", "/v1/payment_intents", reordered, Some("k")).await;
    assert!(repeated.replayed);
    assert_eq!(repeated.body, first.body);
    assert_eq!(all_intents(&client).await.len(), 1);
    provider.stop().await;
}

#[tokio::test]
async fn a_key_is_refused_for_another_request() {
    let provider = TestSimulator::start(FaultConfig::default()).await;
    let client = provider.client();
    let intent = create(&client, None, "order").await;
    let other = NewIntent {
        order: "order",
        amount: 1251,
        currency: "GBP",
        payment_method: Some(GOOD_CARD),
    };
    let refusal = client.create_intent(&other, "order/intent").await.unwrap_err();
    assert!(
        matches!(&refusal, CallError::Refused { status: 400, code, .. } if code == "idempotency_error"),
        "{refusal}"
    );
    let refusal = client.confirm(&intent.id, "order/intent").await.unwrap_err();
    assert!(matches!(refusal, CallError::Refused { status: 400, .. }), "{refusal}");
    assert_eq!(client.retrieve(&intent.id).await.unwrap().status, Status::RequiresConfirmation);
    provider.stop().await;
}

#[tokio::test]
async fn a_key_in_use_is_busy_and_its_slow_capture_happens_once() {
    let provider = TestSimulator::start(FaultConfig::default()).await;
    let client = provider.client();
    let intent = create(&client, None, "late").await;
    provider.control("latency_ms=2000").await;
    let error = provider.client_with_short_timeout().confirm(&intent.id, "late").await.unwrap_err();
    assert!(matches!(error, CallError::NoResponse(_)), "{error}");
    let busy = client.confirm(&intent.id, "late").await.unwrap_err();
    assert!(matches!(busy, CallError::Busy { status: 409 }), "{busy}");
    provider.control("latency_ms=0").await;
    let deadline = Instant::now() + DEADLINE;
    let confirmation = loop {
        match client.confirm(&intent.id, "late").await {
            Err(CallError::Busy { .. }) => assert!(Instant::now() < deadline),
            other => break other.unwrap(),
        }
    };
    assert_eq!(confirmation, Confirmation::Succeeded);
    provider.stop().await;
}

#[tokio::test]
async fn an_invalid_request_is_refused_and_does_not_save_its_key() {
    let provider = TestSimulator::start(FaultConfig::default()).await;
    for (form, code, param) in [
        ("currency=usd", "parameter_missing", "amount"),
        ("amount=0&currency=usd", "amount_too_small", "amount"),
        ("amount=-5&currency=usd", "amount_too_small", "amount"),
        ("amount=1000000000000&currency=usd", "amount_too_large", "amount"),
        ("amount=99999999999999999999&currency=usd", "parameter_invalid_integer", "amount"),
        ("amount=5", "parameter_missing", "currency"),
        ("amount=5&currency=USD", "parameter_invalid", "currency"),
        ("amount=5&currency=usd&payment_method=tok_none", "resource_missing", "payment_method"),
        ("amount=5&currency=usd&payment_method=tok_flaky_0", "resource_missing", "payment_method"),
        ("amount=5&currency=usd&colour=red", "parameter_unknown", "colour"),
    ] {
        let raw = provider.send("POST", "/v1/payment_intents", form, Some("key")).await;
        assert_eq!(raw.status, StatusCode::BAD_REQUEST, "{form}");
        let error = &raw.json()["error"];
        assert_eq!((&error["code"], &error["param"]), (&code.into(), &param.into()), "{form}");
    }
    let good = "amount=5&currency=usd";
    let raw = provider.send("POST", "/v1/payment_intents", good, Some("key")).await;
    assert_eq!(raw.status, StatusCode::OK);
    let large = "x".repeat(20_000);
    let raw = provider.send("POST", "/v1/payment_intents", &large, None).await;
    assert_eq!(raw.status, StatusCode::PAYLOAD_TOO_LARGE);

    let missing = provider.client().confirm("pi_of_another_run", "k").await.unwrap_err();
    assert!(matches!(missing, CallError::Refused { status: 404, .. }), "{missing}");
    let unsent = provider.client().confirm("not an id", "k").await.unwrap_err();
    assert!(matches!(unsent, CallError::Refused { .. }), "{unsent}");
    provider.stop().await;
}
