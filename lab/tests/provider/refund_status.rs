//! Refunds that are pending or that fail.

use payment_simulator::FaultConfig;

use super::test_simulator::{TestSimulator, create};

#[tokio::test]
async fn a_pending_refund_is_settled_and_a_failed_one_can_be_repeated() {
    let provider = TestSimulator::start(FaultConfig::default()).await;
    let client = provider.client();
    let [one, other] = ["one", "other"];
    let mut intents = Vec::new();
    for order in [one, other] {
        let intent = create(&client, None, order).await.id;
        client.confirm(&intent, order).await.unwrap();
        intents.push(intent);
    }
    provider.control("refunds=pending").await;
    assert_eq!(provider.refund(&intents[0]).await, "pending");
    assert_eq!(provider.refunds_of(&intents[0]).await, ["pending"]);
    assert_eq!(provider.refund(&intents[0]).await, "charge_already_refunded");
    provider.control("refunds=failed").await;
    assert_eq!(provider.refunds_of(&intents[0]).await, ["failed"]);
    assert_eq!(provider.refund(&intents[1]).await, "failed");
    provider.control("refunds=succeeded").await;
    assert_eq!(provider.refund(&intents[0]).await, "succeeded");
    assert_eq!(provider.refunds_of(&intents[0]).await, ["succeeded", "failed"]);
    assert_eq!(provider.refunds_of(&intents[1]).await, ["failed"]);
    provider.stop().await;
}

impl TestSimulator {
    /// Refunds an intent. Returns the refund's status, or the code of the error.
    async fn refund(&self, intent: &str) -> String {
        let form = format!("payment_intent={intent}");
        let body = self.send("POST", "/v1/refunds", &form, None).await.json();
        let result = body.get("status").unwrap_or(&body["error"]["code"]);
        result.as_str().unwrap().to_owned()
    }

    /// The status of each refund of an intent, newest first.
    async fn refunds_of(&self, intent: &str) -> Vec<String> {
        let path = format!("/v1/refunds?payment_intent={intent}");
        let body = self.send("GET", &path, "", None).await.json();
        let refunds = body["data"].as_array().unwrap().iter();
        refunds.map(|refund| refund["status"].as_str().unwrap().to_owned()).collect()
    }
}
