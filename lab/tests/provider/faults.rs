//! A provider that fails, closes connections, hangs or is unavailable.

use std::collections::HashSet;
use std::time::Duration;

use lab::input::GOOD_CARD;
use payment_simulator::{FaultConfig, SimulatedFault};
use tokio::net::TcpStream;
use tokio::time::Instant;
use workers::payment::provider::{CallError, Confirmation, Limits, NewIntent, Provider, Status};

use super::test_simulator::{DEADLINE, TestSimulator, all_intents, create};

#[tokio::test]
async fn a_capture_without_a_response_is_found_and_not_repeated() {
    let provider = TestSimulator::start(FaultConfig::default()).await;
    let client = provider.client();
    let intent = create(&client, Some("tok_hang"), "hang").await;
    let error = provider.client_with_short_timeout().confirm(&intent.id, "same").await.unwrap_err();
    assert!(matches!(error, CallError::NoResponse(_)), "{error}");
    assert_eq!(client.confirm(&intent.id, "same").await.unwrap(), Confirmation::Succeeded);
    assert_eq!(client.confirm(&intent.id, "new").await.unwrap(), Confirmation::Succeeded);
    let captured: i64 =
        all_intents(&client).await.iter().map(|intent| intent.amount_received).sum();
    assert_eq!(captured, 1250);
    provider.stop().await;
}

#[tokio::test]
async fn every_order_is_charged_once_under_every_fault() {
    let provider = TestSimulator::start(FaultConfig::default()).await;
    let client = provider.client_with_short_timeout();
    for fault in ["5xx", "close", "hang"] {
        provider.control(&format!("fail={fault}&rate=0.5")).await;
        for order in 0..8 {
            let order = format!("{fault}/{order}");
            let intent = retry_until_ok(&order, async |key: String| {
                let new = NewIntent {
                    order: &order,
                    amount: 10,
                    currency: "EUR",
                    payment_method: Some(GOOD_CARD),
                };
                client.create_intent(&new, &key).await
            })
            .await;
            let confirm = async |key: String| client.confirm(&intent.id, &key).await;
            let confirmation = retry_until_ok(&format!("{order}/confirm"), confirm).await;
            assert_eq!(confirmation, Confirmation::Succeeded);
        }
    }
    provider.control("fail=none").await;
    let intents = all_intents(&provider.client()).await;
    let paid: Vec<_> = intents.iter().filter(|intent| intent.status == Status::Succeeded).collect();
    let orders: HashSet<_> = paid.iter().map(|intent| &intent.metadata.order_id).collect();
    assert_eq!((paid.len(), orders.len()), (24, 24));
    provider.stop().await;
}

#[tokio::test]
async fn a_provider_that_was_unavailable_still_has_its_payments() {
    let provider = TestSimulator::start(FaultConfig::default()).await;
    let client = provider.client();
    let intent = create(&client, None, "before").await;
    provider.control("away_ms=300").await;
    let deadline = Instant::now() + DEADLINE;
    let mut seen_down = false;
    loop {
        assert!(Instant::now() < deadline);
        match client.retrieve(&intent.id).await {
            Err(CallError::Unavailable(_)) => seen_down = true,
            Ok(found) if seen_down => break assert_eq!(found, intent),
            Ok(_) | Err(CallError::NoResponse(_)) => {}
            Err(other) => panic!("{other}"),
        }
        tokio::task::yield_now().await;
    }
    let url = provider.url.clone();
    provider.stop().await;
    let stopped = Provider::new(&url, "sk_test_x", Limits::default()).unwrap();
    let failure = stopped.retrieve(&intent.id).await.unwrap_err();
    assert!(matches!(failure, CallError::Unavailable(_)), "{failure}");
}

#[tokio::test]
async fn a_call_to_a_hanging_provider_times_out_and_the_provider_still_stops() {
    let faults = FaultConfig { fault: Some(SimulatedFault::Hang), ..FaultConfig::default() };
    let provider = TestSimulator::start(faults).await;
    let start = Instant::now();
    let error = provider.client_with_short_timeout().list_intents(None).await.unwrap_err();
    assert!(matches!(error, CallError::NoResponse(_)), "{error}");
    assert!(start.elapsed() >= Duration::from_millis(200));
    // A connection that sends nothing does not delay the stop either.
    let address = provider.url.strip_prefix("http://").unwrap();
    let _silent = TcpStream::connect(address).await.unwrap();
    provider.stop().await;
}

/// Repeats a call until it succeeds: with the same key while the outcome is unknown, with a new key
/// after a saved failure.
async fn retry_until_ok<T>(key: &str, call: impl AsyncFn(String) -> Result<T, CallError>) -> T {
    let deadline = Instant::now() + DEADLINE;
    let mut saved_failures = 0;
    while Instant::now() < deadline {
        match call(format!("{key}/{saved_failures}")).await {
            Ok(value) => return value,
            Err(CallError::Server { .. }) => saved_failures += 1,
            Err(CallError::NoResponse(_)) => {}
            Err(other) => panic!("{other}"),
        }
    }
    panic!("timed out: {key}");
}
