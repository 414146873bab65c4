//! A provider that refuses calls because there are too many.

use hyper::StatusCode;
use payment_simulator::FaultConfig;

use super::test_simulator::TestSimulator;

#[tokio::test]
async fn a_429_has_a_retry_after_and_no_effect_and_does_not_save_its_key() {
    let provider = TestSimulator::start(FaultConfig::default()).await;
    let form = "amount=5&currency=usd";
    provider.control("fail=429&retry_after=30").await;
    for _ in 0..2 {
        let raw = provider.send("POST", "/v1/payment_intents", form, Some("key")).await;
        assert_eq!((raw.status, raw.retry_after.as_deref()), limited("30"));
        assert_eq!(raw.json()["error"]["code"], "rate_limit");
    }
    let raw = provider.send("GET", "/v1/payment_intents", "", None).await;
    assert_eq!((raw.status, raw.retry_after.as_deref()), limited("30"));
    let shown = provider.send("GET", "/control", "", None).await.json();
    assert_eq!(shown["rate_limit"]["refused"], 3);
    assert_eq!(shown["rate_limit"]["early"], 2, "all but the first came before their time");

    provider.control("retry_after=0").await;
    let raw = provider.send("GET", "/v1/payment_intents", "", None).await;
    assert_eq!((raw.status, raw.retry_after), (StatusCode::TOO_MANY_REQUESTS, None));
    provider.control("fail=none").await;
    let raw = provider.send("POST", "/v1/payment_intents", form, Some("key")).await;
    assert_eq!((raw.status, raw.replayed), (StatusCode::OK, false));
    provider.stop().await;
}

fn limited(seconds: &str) -> (StatusCode, Option<&str>) {
    (StatusCode::TOO_MANY_REQUESTS, Some(seconds))
}
