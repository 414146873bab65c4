//! Payments for which the buyer has to act: to authenticate a card, or to choose another one.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::CONTENT_TYPE;
use hyper::{Request, StatusCode};
use orders::{EventBody, EventKind, OrderId, Status, SubmitPayment};
use payment_simulator::set_faults;
use serde_json::{Value, json};
use streams::{Profile, consumer_progress};
use workers::payment;
use workers::payment::provider::{self, Intent};

use super::events::{event, ndjson_line};
use super::fixtures::{basket, item, with_payment_token};
use super::http_client::HttpResponse;
use super::test_cluster::{TestCluster, plan, wait_until};

pub(crate) const STOCK: i64 = 10;
/// A card that its bank has authenticated.
pub(crate) const AUTHENTICATED_CARD: &str = "tok_threeDSecureRequired";
/// A test ends when nothing is scheduled any more, also not the next poll.
const SOON: (&str, &str) = ("MILLRACE_PAYMENT_POLL_INTERVAL", "3s");
/// Longer than a test.
pub(crate) const NEVER: &str = "1h";

#[tokio::test]
async fn an_order_whose_buyer_authenticates_the_card_is_paid() {
    let cluster = start(&[("MILLRACE_PAYMENT_POLL_INTERVAL", NEVER)]).await;
    cluster.stop_webhooks().await;
    let waiting = cluster.place_and_wait_for_action("approved").await;
    let action = &waiting.status["next_action"];
    assert_eq!(action["type"], "authenticate");
    assert!(action["client_secret"].as_str().unwrap().contains("_secret_"), "{action}");
    assert_eq!(waiting.status["payment_delayed"], json!(null));
    assert_eq!(cluster.on_hand("PAY").await, STOCK - 1);

    cluster.decide(&waiting, "approve").await;
    let response = cluster.submit_payment(&waiting.signed_id, &json!({})).await;
    assert_eq!(response.status, StatusCode::ACCEPTED, "{}", response.body);
    assert_eq!(response.body["status"], "requires_action");
    let history = cluster.history(waiting.id).await;
    assert_eq!(history, ["accepted", "reserved", "requires_action", "paid", "fulfilled"]);
    assert_eq!(cluster.current_status(&waiting.signed_id).await["next_action"], json!(null));
    cluster.assert_charged_once(waiting.id).await;

    let late = cluster.submit_payment(&waiting.signed_id, &json!({"token": "tok_visa"})).await;
    assert_eq!(late.status, StatusCode::CONFLICT, "{}", late.body);
    cluster.verify_without_waiting_for_polls(&[waiting.id]).await;
}

#[tokio::test]
async fn an_order_whose_buyer_denies_the_payment_can_be_paid_with_another_card() {
    let cluster = start(&[SOON]).await;
    let waiting = cluster.place_and_wait_for_action("denied").await;
    cluster.decide(&waiting, "deny").await;
    cluster.wait_for_new_method(&waiting, "payment_intent_authentication_failure").await;
    for (token, decline_code) in
        [("tok_insufficientFunds", "insufficient_funds"), ("tok_nobody_knows", "invalid_token")]
    {
        cluster.submit_payment(&waiting.signed_id, &json!({"token": token})).await;
        cluster.wait_for_new_method(&waiting, decline_code).await;
    }
    cluster.submit_payment(&waiting.signed_id, &json!({"token": "tok_visa"})).await;
    let history = cluster.history(waiting.id).await;
    assert_eq!(history, ["accepted", "reserved", "requires_action", "paid", "fulfilled"]);
    cluster.assert_charged_once(waiting.id).await;
    cluster.verify_and_stop(&[waiting.id]).await;
}

#[tokio::test]
async fn an_order_whose_every_card_is_declined_is_cancelled_in_the_end() {
    let cluster = start(&[SOON]).await;
    let waiting = cluster.place_and_wait_for_action("declined").await;
    let is_final = async || {
        let view = cluster.views(&[waiting.id]).await.remove(0);
        view.is_some_and(|view| view.status.is_final())
    };
    wait_until("no further card is accepted", async || {
        let token = json!({"token": "tok_chargeDeclined"});
        let response = cluster.submit_payment(&waiting.signed_id, &token).await;
        response.status == StatusCode::CONFLICT && is_final().await
    })
    .await;
    let history = cluster.history(waiting.id).await;
    assert_eq!(history, ["accepted", "reserved", "requires_action", "declined", "cancelled"]);
    assert_eq!(cluster.on_hand("PAY").await, STOCK);
    // The buyer's browser cannot complete it any more.
    assert_eq!(cluster.intents_of(waiting.id).await[0].status, provider::Status::Canceled);
    cluster.verify_and_stop(&[waiting.id]).await;
}

#[tokio::test]
async fn payment_methods_that_do_not_exist_do_not_end_an_open_authentication() {
    let cluster = start(&[SOON]).await;
    let waiting = cluster.place_and_wait_for_action("unknown").await;
    for number in 0..7 {
        let token = format!("tok_unknown_{number}");
        cluster.publish_tokens("unknown", [Some(token.as_str())]).await;
        cluster.wait_until_submissions_are_processed().await;
    }
    cluster.decide(&waiting, "approve").await;
    let history = cluster.history(waiting.id).await;
    assert_eq!(history, ["accepted", "reserved", "requires_action", "paid", "fulfilled"]);
    cluster.assert_charged_once(waiting.id).await;
    cluster.verify_and_stop(&[waiting.id]).await;
}

#[tokio::test]
async fn no_payment_method_is_lost_while_the_provider_refuses_calls() {
    let cluster = start(&[("MILLRACE_PAYMENT_POLL_INTERVAL", NEVER)]).await;
    cluster.stop_webhooks().await;
    let waiting = cluster.place_and_wait_for_action("refused").await;
    cluster.decide(&waiting, "deny").await;
    cluster.set_provider_faults("fail=429&retry_after=1").await;
    let tokens = [None, Some("tok_insufficientFunds"), Some("tok_visa")];
    cluster.publish_tokens("refused", tokens).await;
    cluster.wait_for_refusals(2).await;
    cluster.set_provider_faults("fail=none").await;
    let history = cluster.history(waiting.id).await;
    assert_eq!(history, ["accepted", "reserved", "requires_action", "paid", "fulfilled"]);
    cluster.assert_charged_once(waiting.id).await;
    cluster.verify_without_waiting_for_polls(&[waiting.id]).await;
}

#[tokio::test]
async fn a_webhook_or_else_a_poll_ends_the_wait() {
    for (key, is_webhook_sent, interval) in [("webhook", true, NEVER), ("poll", false, "500ms")] {
        let cluster = start(&[("MILLRACE_PAYMENT_POLL_INTERVAL", interval)]).await;
        if !is_webhook_sent {
            cluster.stop_webhooks().await;
        }
        let waiting = cluster.place_and_wait_for_action(key).await;
        cluster.decide(&waiting, "approve").await;
        cluster.wait_until_final(&[waiting.id]).await;
        cluster.assert_charged_once(waiting.id).await;
        cluster.verify_without_waiting_for_polls(&[waiting.id]).await;
    }
}

#[tokio::test]
async fn a_webhook_is_not_believed() {
    let cluster = start(&[("MILLRACE_PAYMENT_POLL_INTERVAL", "500ms")]).await;
    let waiting = cluster.place_and_wait_for_action("forged").await;
    let forged = json!({
        "type": "payment_intent.succeeded",
        "data": {"object": {"status": "succeeded", "metadata": {"order_id": waiting.id}}},
    });
    let url = format!("{}/v1/provider/events", cluster.edge_urls()[0]);
    for signature in [None, Some("t=1,v1=00"), Some("")] {
        let mut request = Request::post(&url);
        request =
            signature.into_iter().fold(request, |it, text| it.header("Stripe-Signature", text));
        let body = Full::from(forged.to_string());
        let response = cluster.http.send(request.body(body).unwrap()).await;
        assert_eq!(response.status, StatusCode::BAD_REQUEST, "{}", response.body);
    }
    // What the provider itself has signed is only a reason to ask it.
    cluster.publish_submission("forged").await;
    cluster.wait_until_submissions_are_processed().await;
    let view = cluster.views(&[waiting.id]).await.remove(0).unwrap();
    assert_eq!(view.status, Status::RequiresAction);
    cluster.cancel(0, &waiting.signed_id).await;
    cluster.wait_until_final(&[waiting.id]).await;
    cluster.verify_and_stop(&[waiting.id]).await;
}

#[tokio::test]
async fn an_order_whose_buyer_never_acts_is_cancelled_and_its_intent_too() {
    let cluster =
        start(&[("MILLRACE_PAYMENT_TIMEOUT", "5s"), ("MILLRACE_PAYMENT_POLL_INTERVAL", NEVER)])
            .await;
    let waiting = cluster.place_and_wait_for_action("never").await;
    let views = cluster.wait_until_final(&[waiting.id]).await;
    assert_eq!(views[0].status, Status::Cancelled);
    let status = cluster.current_status(&waiting.signed_id).await;
    assert_eq!(status["reason"], json!({"code": "requested", "by": "expiry"}));
    assert_eq!(cluster.on_hand("PAY").await, STOCK);
    // The page of the bank, if it is still open, cannot pay any more.
    let intents = cluster.intents_of(waiting.id).await;
    assert_eq!(intents.len(), 1);
    assert_eq!(intents[0].status, provider::Status::Canceled);
    cluster.verify_without_waiting_for_polls(&[waiting.id]).await;
}

#[tokio::test]
async fn what_a_buyer_submits_is_checked() {
    let cluster = start(&[SOON]).await;
    let waiting = cluster.place_and_wait_for_action("checked").await;
    let invalid = cluster.submit_payment(&waiting.signed_id, &json!({"card": 1, "token": 2})).await;
    assert_eq!(invalid.status, StatusCode::UNPROCESSABLE_ENTITY);
    let pointers: Vec<_> = invalid.body["errors"].as_array().unwrap().iter().collect();
    assert_eq!(pointers.len(), 2, "{}", invalid.body);
    let unsigned = cluster.submit_payment(&waiting.signed_id[..32], &json!({})).await;
    assert_eq!(unsigned.status, StatusCode::NOT_FOUND);
    cluster.cancel(0, &waiting.signed_id).await;
    let views = cluster.wait_until_final(&[waiting.id]).await;
    assert_eq!(views[0].status, Status::Cancelled);
    cluster.verify_and_stop(&[waiting.id]).await;
}

/// An order that waits for its buyer.
pub(crate) struct Waiting {
    pub(crate) id: OrderId,
    pub(crate) signed_id: String,
    /// The response of `GET`.
    pub(crate) status: Value,
}

/// A cluster that sells `PAY`.
pub(crate) async fn start(envs: &[(&str, &str)]) -> TestCluster {
    let mut plan = plan(Profile::Single);
    plan.envs.extend(envs.iter().map(|(name, value)| (name.to_string(), value.to_string())));
    let cluster = TestCluster::start(plan).await;
    cluster.load_catalog(&[item("PAY", STOCK)]).await;
    cluster
}

impl TestCluster {
    async fn place_and_wait_for_action(&self, key: &str) -> Waiting {
        let body = with_payment_token(basket(&[("PAY", 1)]), AUTHENTICATED_CARD);
        self.place_waiting(key, &body).await
    }

    /// Places an order, and waits until it waits for its buyer.
    pub(crate) async fn place_waiting(&self, key: &str, body: &Value) -> Waiting {
        let placed = self.post(0, key, body).await;
        self.wait_for_status(placed.order_id(), Status::RequiresAction).await;
        let signed_id = placed.signed_id().to_owned();
        let status = self.current_status(&signed_id).await;
        assert_eq!(status["status"], "requires_action");
        Waiting { id: placed.order_id(), signed_id, status }
    }

    /// Approves or denies the payment on the bank's page.
    async fn decide(&self, waiting: &Waiting, result: &str) {
        let url = waiting.status["next_action"]["redirect_url"].as_str().unwrap();
        self.post_decision(url, result).await;
    }

    /// Approves the payment of an order.
    pub(crate) async fn approve(&self, id: OrderId) {
        let intents = self.intents_of(id).await;
        let url = format!("{}/authenticate/{}", self.processes.provider.url(), intents[0].id);
        self.post_decision(&url, "approve").await;
    }

    async fn post_decision(&self, url: &str, result: &str) {
        let request = Request::post(url)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Full::<Bytes>::from(format!("result={result}")))
            .unwrap();
        assert_eq!(self.http.status_of(request).await, StatusCode::OK);
    }

    pub(crate) async fn submit_payment(&self, signed_id: &str, body: &Value) -> HttpResponse {
        let url = format!("{}/v1/orders/{signed_id}/payment", self.edge_urls()[1]);
        let request = Request::post(url)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::from(body.to_string()))
            .unwrap();
        self.http.send(request).await
    }

    pub(crate) async fn wait_for_new_method(&self, waiting: &Waiting, decline_code: &str) {
        let expected = json!({"type": "new_payment_method", "decline_code": decline_code});
        wait_until(&format!("another card is needed: {decline_code}"), async || {
            self.current_status(&waiting.signed_id).await["next_action"] == expected
        })
        .await;
    }

    pub(crate) async fn wait_until_submissions_are_processed(&self) {
        let source = payment::COMPLETE.events();
        wait_until("payment has processed what was submitted", async || {
            consumer_progress(&self.sources.connection, &source).await.unwrap().is_at_end()
        })
        .await;
    }

    /// The next poll about an order that is final is still scheduled.
    pub(crate) async fn verify_without_waiting_for_polls(self, ids: &[OrderId]) {
        self.assert_consistent(ids).await;
        self.processes.stop().await.unwrap();
    }

    pub(crate) async fn stop_webhooks(&self) {
        set_faults(self.processes.provider.url(), "webhook_url=").await.unwrap();
    }

    pub(crate) async fn publish_submission(&self, key: &str) {
        self.publish_tokens(key, [None]).await;
    }

    /// Submits all these payment methods in one message, as an edge does with those that come at
    /// once.
    pub(crate) async fn publish_tokens<'t>(
        &self,
        key: &str,
        tokens: impl IntoIterator<Item = Option<&'t str>>,
    ) {
        let line = |token| {
            let body = json!({"token": token}).to_string();
            let SubmitPayment { payment_token } = SubmitPayment::parse(body.as_bytes()).unwrap();
            ndjson_line(&event(key, EventBody::PaymentSubmitted { payment_token }))
        };
        let lines: Vec<_> = tokens.into_iter().map(line).collect();
        self.publish(EventKind::PaymentSubmitted, &lines).await;
    }

    /// The names of the statuses of an order, when it is final.
    pub(crate) async fn history(&self, id: OrderId) -> Vec<&'static str> {
        let view = self.wait_until_final(&[id]).await.remove(0);
        view.history.iter().map(|change| change.status.as_str()).collect()
    }

    pub(crate) async fn intents_of(&self, id: OrderId) -> Vec<Intent> {
        self.sources.provider.find_intents(&id.to_string()).await.unwrap().data
    }

    pub(crate) async fn assert_charged_once(&self, id: OrderId) {
        let intents = self.intents_of(id).await;
        assert_eq!(intents.len(), 1, "{intents:?}");
        assert_eq!(intents[0].amount_received, intents[0].amount);
    }
}
