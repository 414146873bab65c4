//! Confirms that get no response, and have their effect when their caller has given up.

use payment_simulator::{FaultConfig, SimulatedFault, finish_late_confirms};
use tokio::time::Instant;
use workers::payment::provider::{CallError, Confirmation, Intent, Status};

use super::test_simulator::{DEADLINE, TestSimulator, all_intents, create};

/// The confirms wait until the test ends their wait.
const LATE: &str = "fail=late&late_ms=600000";

#[tokio::test]
async fn a_late_confirm_captures_after_its_caller_has_given_up() {
    let provider = TestSimulator::start(FaultConfig::default()).await;
    let intent = provider.confirm_late("tok_visa").await;
    let client = provider.client();
    assert_eq!(client.retrieve(&intent.id).await.unwrap(), intent);
    let busy = client.confirm(&intent.id, "late").await.unwrap_err();
    assert!(matches!(busy, CallError::Busy { .. }), "{busy}");

    provider.finish_late_confirms().await;
    let captured = client.retrieve(&intent.id).await.unwrap();
    assert_eq!((captured.status, captured.amount_received), (Status::Succeeded, intent.amount));
    for key in ["late", "another"] {
        assert_eq!(client.confirm(&intent.id, key).await.unwrap(), Confirmation::Succeeded);
    }
    provider.stop().await;
}

#[tokio::test]
async fn a_late_confirm_of_a_cancelled_intent_is_refused() {
    let provider = TestSimulator::start(FaultConfig::default()).await;
    let intent = provider.confirm_late("tok_visa").await;
    let client = provider.client();
    assert_eq!(client.cancel(&intent.id, "cancel").await.unwrap(), Status::Canceled);

    provider.finish_late_confirms().await;
    let after = client.retrieve(&intent.id).await.unwrap();
    assert_eq!((after.status, after.amount_received), (Status::Canceled, 0));
    let refused = Confirmation::Unexpected { status: Status::Canceled };
    assert_eq!(client.confirm(&intent.id, "late").await.unwrap(), refused);
    provider.stop().await;
}

#[tokio::test]
async fn a_late_confirm_with_another_card_captures_unless_the_intent_is_cancelled() {
    for is_cancelled in [false, true] {
        let provider = TestSimulator::start(FaultConfig::default()).await;
        let client = provider.client();
        let intent = create(&client, Some("tok_chargeDeclined"), "another-card").await;
        client.confirm(&intent.id, "declined").await.unwrap();
        provider.control(LATE).await;
        provider.give_up(client.confirm_with(&intent.id, "tok_visa", "late")).await;
        if is_cancelled {
            client.cancel(&intent.id, "cancel").await.unwrap();
        }
        provider.finish_late_confirms().await;
        let expected = if is_cancelled { Status::Canceled } else { Status::Succeeded };
        assert_eq!(client.retrieve(&intent.id).await.unwrap().status, expected);
        provider.stop().await;
    }
}

#[tokio::test]
async fn no_other_call_is_late() {
    let faults = FaultConfig { fault: Some(SimulatedFault::Late), ..FaultConfig::default() };
    let provider = TestSimulator::start(faults).await;
    let client = provider.client();
    let intent = create(&client, None, "answered").await;
    assert_eq!(client.retrieve(&intent.id).await.unwrap(), intent);
    assert_eq!(all_intents(&client).await, std::slice::from_ref(&intent));
    assert_eq!(client.cancel(&intent.id, "cancel").await.unwrap(), Status::Canceled);
    provider.stop().await;
}

impl TestSimulator {
    /// Creates an intent, and confirms it under the key `late`. Later confirms are answered.
    async fn confirm_late(&self, card: &str) -> Intent {
        let client = self.client();
        let intent = create(&client, Some(card), "late").await;
        self.control(LATE).await;
        self.give_up(client.confirm(&intent.id, "late")).await;
        self.control("fail=none").await;
        intent
    }

    /// Waits until the simulator has received a late confirm, and drops the call.
    async fn give_up(&self, confirm: impl Future<Output = Result<Confirmation, CallError>>) {
        let received = async {
            let deadline = Instant::now() + DEADLINE;
            while self.send("GET", "/control", "", None).await.json()["late_confirms"] != 1 {
                assert!(Instant::now() < deadline, "no confirm is late");
            }
        };
        tokio::select! {
            result = confirm => panic!("the late confirm is answered: {result:?}"),
            () = received => {}
        }
    }

    async fn finish_late_confirms(&self) {
        finish_late_confirms(&self.url).await.unwrap();
    }
}
