//! Tokens that pay for one intent only, as those of real cards do.

use hyper::StatusCode;
use payment_simulator::FaultConfig;

use super::test_simulator::{TestSimulator, all_intents};

const CREATE: &str = "/v1/payment_intents";

#[tokio::test]
async fn a_single_use_token_pays_for_one_intent() {
    let provider = TestSimulator::start(FaultConfig::default()).await;
    let form = "amount=5&currency=usd&payment_method=tok_once_a";
    let first = provider.send("POST", CREATE, form, Some("first")).await;
    assert_eq!(first.status, StatusCode::OK);
    let repeated = provider.send("POST", CREATE, form, Some("first")).await;
    assert_eq!((repeated.status, repeated.body), (StatusCode::OK, first.body));
    let other = provider.send("POST", CREATE, form, Some("second")).await;
    assert_eq!(other.status, StatusCode::BAD_REQUEST);
    assert_eq!(other.json()["error"]["code"], "token_already_used");
    assert_eq!(all_intents(&provider.client()).await.len(), 1);
    provider.stop().await;
}

#[tokio::test]
async fn a_lost_create_is_answered_when_it_is_repeated_with_its_key() {
    let provider = TestSimulator::start(FaultConfig::default()).await;
    let form = "amount=5&currency=usd&payment_method=tok_once_lost_a";
    assert!(provider.try_send("POST", CREATE, form, Some("key")).await.is_none());
    let repeated = provider.send("POST", CREATE, form, Some("key")).await;
    assert_eq!((repeated.status, repeated.replayed), (StatusCode::OK, true));
    assert_eq!(all_intents(&provider.client()).await.len(), 1);
    provider.stop().await;
}
