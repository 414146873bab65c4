//! Consumers from which a worker cannot fetch: the reason is logged once, in words, and its end once.

use std::fs;
use std::path::PathBuf;

use orders::Status;
use serde_json::json;
use streams::Profile;
use workers::payment;

use super::fixtures::{basket, item};
use super::test_cluster::{TestCluster, plan, wait_until};

/// Pulls that must have failed again before the lines of the log are counted.
const REFUSALS: usize = 8;
const PAYMENT_PULL: &str = "$JS.API.CONSUMER.MSG.NEXT.ORDERS_1.payment";

#[tokio::test]
async fn a_pull_without_permission_is_logged_once_and_orders_go_on_when_it_is_given() {
    let mut cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("PULLED", 10)]).await;
    cluster.allow_all_but(&[PAYMENT_PULL]);
    let url = cluster.processes.servers.brokers.url().replace("//", "//payment:secret@");
    let worker = cluster.worker(payment::POOL);
    worker.set("NATS_URL", &url);
    worker.set("NATS_KEY_FILE", "");
    worker.set("RUST_LOG", "info,streams=debug");
    cluster.start_worker(payment::POOL).await;
    let id = cluster.place("pulled", &basket(&[("PULLED", 1)])).await;
    cluster.wait_for_status(id, Status::Reserved).await;
    let repeated = "another pull request has failed";
    wait_until("pulls are refused again and again", async || {
        cluster.log_lines(repeated).len() >= REFUSALS
    })
    .await;
    let lines = cluster.log_lines("pull requests fail");
    assert_eq!(lines.len(), 1, "{lines:#?}");
    for part in [
        "WARN",
        "pull requests fail, retrying",
        "stream=\"ORDERS_1\" consumer=\"payment\"",
        "the NATS user of this process may not publish to",
        "remedy=\"allow it to this user",
    ] {
        assert!(lines[0].contains(part), "{part}: {}", lines[0]);
    }
    // The broker says it to the connection, too, and does not reply.
    for other in ["the NATS user lacks a permission", "does not reply"] {
        let lines = cluster.log_lines(other);
        assert!(lines.is_empty(), "{lines:#?}");
    }

    cluster.allow_all_but(&[]);
    let views = cluster.wait_until_final(&[id]).await;
    assert_eq!(views[0].status, Status::Fulfilled);
    cluster.wait_for_log_line("served again").await;
    let lines = cluster.log_lines("served again");
    assert_eq!(lines.len(), 1, "{lines:#?}");
    cluster.verify_and_stop(&[id]).await;
}

#[tokio::test]
async fn a_stream_that_is_lost_is_logged_once_by_each_consumer_of_it() {
    let mut cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.wait_for_log_line("worker started").await;
    let mut nats = cluster.nats().await;
    let deleted = nats.api("STREAM.DELETE.ORDERS_1", &json!({})).await;
    assert_eq!(deleted["success"], true, "{deleted}");
    // That takes several attempts, during which pulls are refused.
    cluster.wait_for_log_line("streams or consumers are not as they must be").await;
    for consumer in ["payment", "payment-undo", "payment-completion"] {
        let lines = cluster.log_lines(&format!("consumer=\"{consumer}\""));
        assert_eq!(lines.len(), 1, "{lines:#?}");
        let reasons = ["the consumer was deleted", "no broker serves the consumer"];
        assert!(reasons.iter().any(|reason| lines[0].contains(reason)), "{}", lines[0]);
    }
    cluster.processes.stop().await.unwrap();
}

#[tokio::test]
async fn a_paused_consumer_is_logged_once_and_again_when_it_is_resumed() {
    let mut cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("PAUSED", 10)]).await;
    let mut nats = cluster.nats().await;
    let pause = json!({"pause_until": "2100-01-01T00:00:00Z"});
    let paused = nats.api("CONSUMER.PAUSE.ORDERS_1.payment", &pause).await;
    assert_eq!(paused["paused"], true, "{paused}");
    cluster.start_worker(payment::POOL).await;
    cluster.wait_for_log_line("consumer is paused").await;
    // Each failed fetch has the worker look again.
    nats.api("CONSUMER.DELETE.ORDERS_1.payment-undo", &json!({})).await;
    cluster.wait_for_log_line("stream or consumer settings corrected").await;
    let id = cluster.place("paused", &basket(&[("PAUSED", 1)])).await;
    cluster.wait_for_status(id, Status::Reserved).await;

    nats.api("CONSUMER.PAUSE.ORDERS_1.payment", &json!({})).await;
    nats.api("CONSUMER.DELETE.ORDERS_1.payment-undo", &json!({})).await;
    cluster.wait_for_log_line("consumer is resumed").await;
    for (line, expected) in [
        ("consumer is paused", "until=\"2100-01-01T00:00:00Z\""),
        ("consumer is paused", "remedy=\"`nats consumer resume ORDERS_1 payment`\""),
        ("consumer is resumed", "stream=\"ORDERS_1\" consumer=\"payment\""),
    ] {
        let lines = cluster.log_lines(line);
        assert_eq!(lines.len(), 1, "{lines:#?}");
        assert!(lines[0].contains(expected), "{expected}: {}", lines[0]);
    }
    cluster.verify_and_stop(&[id]).await;
}

impl TestCluster {
    /// Gives the brokers a user `payment` that may publish to everything but `denied`.
    fn allow_all_but(&self, denied: &[&str]) {
        let denied = json!(denied);
        let user = format!(
            "{{user: payment, password: secret, permissions: {{publish: {{deny: {denied}}}}}}}"
        );
        self.processes.servers.brokers.add_user(&user).unwrap();
    }

    /// The lines with `text` in the log of the payment worker.
    pub(crate) fn log_lines(&mut self, text: &str) -> Vec<String> {
        let log: PathBuf = self.worker(payment::POOL).log();
        let log = fs::read_to_string(log).unwrap_or_default();
        log.lines().filter(|line| line.contains(text)).map(str::to_owned).collect()
    }

    async fn wait_for_log_line(&mut self, text: &str) {
        let what = format!("the payment worker logs: {text}");
        wait_until(&what, async || !self.log_lines(text).is_empty()).await;
    }
}
