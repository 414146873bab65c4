//! The limits and checks of the client itself.

use std::sync::Arc;
use std::time::Duration;

use payment_simulator::FaultConfig;
use tokio::task::JoinSet;
use tokio::time::Instant;
use workers::payment::provider::{CallError, ConfigError, Limits, Provider};

use super::test_simulator::{TestSimulator, client, create};

#[tokio::test]
async fn no_more_calls_than_the_limit_are_in_flight() {
    let provider = TestSimulator::start(FaultConfig::default()).await;
    let limits = Limits { parallel: 2, ..Limits::default() };
    let client = client(&provider.url, limits);
    let intent = create(&client, None, "bounded").await;
    provider.control("latency_ms=50").await;
    let start = Instant::now();
    let client = Arc::new(client);
    let mut calls = JoinSet::new();
    for _ in 0..6 {
        let (client, id) = (Arc::clone(&client), intent.id.clone());
        calls.spawn(async move { client.retrieve(&id).await.unwrap() });
    }
    assert_eq!(calls.join_all().await.len(), 6);
    assert!(start.elapsed() >= Duration::from_millis(150), "three rounds of two");
    provider.stop().await;
}

#[tokio::test]
async fn the_secret_key_is_sent_and_not_in_debug_output() {
    let provider = TestSimulator::start(FaultConfig::default()).await;
    let wrong_key = Provider::new(&provider.url, "pk_live_x", Limits::default()).unwrap();
    let denied = wrong_key.list_intents(None).await.unwrap_err();
    assert!(matches!(denied, CallError::Denied { status: 401 }), "{denied}");
    assert!(!format!("{:?}", provider.client()).contains("sk_test_secret"));
    provider.stop().await;
}

#[test]
fn an_invalid_base_url_is_refused() {
    for url in ["", "localhost:1", "ftp://host", "http://", "http://host/v1", "http://u:p@host"] {
        let refusal = Provider::new(url, "sk_test_x", Limits::default()).unwrap_err();
        assert!(matches!(refusal, ConfigError::BaseUrl), "{url}");
    }
}
