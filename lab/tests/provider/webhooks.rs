//! Events that the provider sends.

use clap::error::ErrorKind;
use clap::{Args, Command};
use hyper::StatusCode;
use payment_simulator::{FaultConfig, SimulatorArgs};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::test_simulator::{DEADLINE, TestSimulator};
use super::webhook_receiver::{SECRET, WebhookReceiver};

fn form(url: &str) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("webhook_url", url).append_pair("webhook_secret", SECRET).finish()
}

async fn start(url: &str) -> TestSimulator {
    let provider = TestSimulator::start(FaultConfig::default()).await;
    provider.control(&form(url)).await;
    provider
}

fn change(event_type: &str, status: &str) -> (String, String) {
    (format!("payment_intent.{event_type}"), status.to_owned())
}

#[tokio::test]
async fn each_change_of_an_intent_is_sent_with_a_signature() {
    let mut receiver = WebhookReceiver::start(0).await;
    let provider = start(&receiver.url).await;
    let paid = provider.pay("tok_visa").await;
    let event = receiver.next().await;
    assert!(event["id"].as_str().unwrap().starts_with("evt_"), "{event}");
    assert!(event["created"].as_u64() >= paid["created"].as_u64(), "{event}");
    assert_eq!(
        (&event["object"], &event["type"], &event["data"]),
        (&json!("event"), &json!("payment_intent.succeeded"), &json!({ "object": paid }))
    );

    provider.pay("tok_chargeDeclined").await;
    let declined = change("payment_failed", "requires_payment_method");
    assert_eq!(receiver.next_change().await, declined);

    let waiting = provider.pay("tok_threeDSecureRequired").await;
    let asked = change("requires_action", "requires_action");
    assert_eq!(receiver.next_change().await, asked);
    let id = waiting["id"].as_str().unwrap();
    assert_eq!(provider.confirm(id, "").await.status, StatusCode::OK);
    let page = format!("/authenticate/{id}");
    provider.browse("POST", &page, "result=deny").await;
    assert_eq!(receiver.next_change().await, declined);
    provider.confirm(id, "payment_method=tok_chargeDeclined").await;
    assert_eq!(receiver.next_change().await, declined, "each attempt is announced");
    provider.confirm(id, "payment_method=tok_threeDSecureRequired").await;
    assert_eq!(receiver.next_change().await, asked);
    provider.browse("POST", &page, "result=approve").await;
    assert_eq!(receiver.next_change().await, change("succeeded", "succeeded"));

    let waiting = provider.pay("tok_threeDSecureRequired").await;
    assert_eq!(receiver.next_change().await, asked);
    let cancel = format!("/v1/payment_intents/{}/cancel", waiting["id"].as_str().unwrap());
    provider.send("POST", &cancel, "", None).await;
    assert_eq!(receiver.next_change().await, change("canceled", "canceled"));
    provider.stop().await;
}

#[tokio::test]
async fn an_event_that_the_receiver_refuses_is_sent_again() {
    let mut receiver = WebhookReceiver::start(2).await;
    let provider = start(&receiver.url).await;
    let paid = provider.pay("tok_visa").await;
    assert_eq!(receiver.next().await["data"]["object"], paid);
    provider.stop().await;
}

/// More payments than events can wait, to a receiver that does not listen and to one that never
/// responds.
#[tokio::test]
async fn a_receiver_that_is_away_does_not_block_the_api() {
    const PAYMENTS: usize = 1100;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let urls = [&silent, &closed].map(|it| format!("http://{}/", it.local_addr().unwrap()));
    drop(closed);
    for url in urls {
        let provider = start(&url).await;
        let paid = async {
            for _ in 0..PAYMENTS {
                assert_eq!(provider.pay("tok_visa").await["status"], "succeeded");
            }
        };
        timeout(DEADLINE, paid).await.unwrap();
        provider.stop().await;
    }
}

#[tokio::test]
async fn the_receiver_can_be_changed_while_the_provider_runs() {
    let mut first = WebhookReceiver::start(0).await;
    let mut second = WebhookReceiver::start(0).await;
    let provider = start(&first.url).await;
    provider.pay("tok_visa").await;
    first.next().await;
    provider.control("webhook_url=").await;
    assert_eq!(control(&provider).await["webhook_url"], json!(null));
    provider.pay("tok_visa").await;
    let url = second.url.clone();
    provider.control(&form(&url)).await;
    let shown = control(&provider).await;
    assert_eq!(shown["webhook_url"], url);
    assert!(!shown.to_string().contains(SECRET));
    let paid = provider.pay("tok_visa").await;
    assert_eq!(
        second.next().await["data"]["object"],
        paid,
        "the payment without a receiver is not sent"
    );
    provider.stop().await;
}

async fn control(provider: &TestSimulator) -> Value {
    provider.send("GET", "/control", "", None).await.json()
}

#[tokio::test]
async fn an_invalid_receiver_is_refused_and_changes_nothing() {
    let provider = TestSimulator::start(FaultConfig::default()).await;
    for (form, code, param) in [
        ("webhook_url=http://host/", "parameter_missing", "webhook_secret"),
        ("webhook_url=https://host/&webhook_secret=x", "parameter_invalid", "webhook_url"),
        ("webhook_url=host&webhook_secret=x", "parameter_invalid", "webhook_url"),
        ("webhook_url=http://host/&webhook_secret=", "parameter_invalid", "webhook_secret"),
        ("webhook_port=1", "parameter_unknown", "webhook_port"),
    ] {
        let form = format!("fail=5xx&{form}");
        let refused = provider.send("POST", "/control", &form, None).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{form}");
        let error = &refused.json()["error"];
        assert_eq!((&error["code"], &error["param"]), (&json!(code), &json!(param)), "{form}");
        let is_about_http = error["message"].as_str().unwrap().contains("http://");
        assert_eq!(is_about_http, param == "webhook_url", "{error}");
    }
    let control = control(&provider).await;
    assert_eq!((&control["webhook_url"], &control["fail"]), (&json!(null), &json!("none")));
    provider.stop().await;
}

#[test]
fn the_url_and_the_secret_are_set_together() {
    let parse = |options: &[&str]| {
        let command = SimulatorArgs::augment_args(Command::new("payment-simulator"));
        command.no_binary_name(true).try_get_matches_from(options)
    };
    let (url, secret) = ("--webhook-url=http://host/", "--webhook-secret=x");
    assert!(parse(&[]).is_ok());
    assert!(parse(&[url, secret]).is_ok());
    for alone in [url, secret] {
        let refusal = parse(&[alone]).unwrap_err();
        assert_eq!(refusal.kind(), ErrorKind::MissingRequiredArgument, "{alone}");
    }
    let refusal = parse(&["--webhook-url=https://host/", secret]).unwrap_err();
    assert!(refusal.to_string().contains("by plain HTTP only"), "{refusal}");
}
