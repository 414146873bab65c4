//! Edits by hand at the brokers while orders are placed: what breaks the promise closes intake until
//! a worker has corrected it, what an operator may want is left, and no acknowledged order is lost.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use hyper::StatusCode;
use millrace::keys::Role;
use millrace::status::Status;
use serde_json::{Value, json};
use streams::{Profile, lanes};
use workers::payment;

use super::fixtures::{basket, item, rows};
use super::http_client::place_through;
use super::test_cluster::{TestCluster, plan, wait_until};
use crate::raw_nats::RawNats;
use crate::test_servers::wait_until_within;

/// Orders that are placed around each edit.
const ORDERS: usize = 20;
const HOUR_NS: u64 = 3_600_000_000_000;
/// Workers look every minute without being asked.
const NOTICED_LIMIT: Duration = Duration::from_mins(1);

impl TestCluster {
    pub(crate) async fn nats(&self) -> RawNats {
        RawNats::connect(&self.processes.servers.brokers.access(Role::Lab)).await
    }

    /// The text of `millrace status`.
    pub(crate) async fn status_text(&self) -> String {
        let profile = self.processes.endpoints().profile;
        Status::query(&self.sources.connection, profile).await.unwrap().to_string()
    }

    /// Waits until the first edge is not ready for a reason that contains `expected`.
    pub(crate) async fn wait_until_closed(&self, expected: &str) -> String {
        let mut reason = String::new();
        wait_until(&format!("/readyz says {expected}"), async || {
            let ready = self.http.get_text(&format!("{}/readyz", self.edge_urls()[0])).await;
            reason = ready.1;
            ready.0 == StatusCode::SERVICE_UNAVAILABLE && reason.contains(expected)
        })
        .await;
        reason
    }

    pub(crate) async fn wait_until_open(&self) {
        for url in self.edge_urls() {
            wait_until("the edge is ready", async || {
                self.http.get_text(&format!("{url}/readyz")).await.0 == StatusCode::OK
            })
            .await;
        }
    }

    /// Makes an edit that breaks the promise while orders are placed. All of them are fulfilled.
    /// Workers correct it when they start, and while they run as soon as an edge has found it; none runs
    /// until the edit is seen.
    async fn survive(&mut self, setting: &str, value: Value, expected: &str) {
        let mut nats = self.nats().await;
        let accepted = AtomicU64::new(0);
        let orders = rows(setting, ORDERS, |_| basket(&[("EDITED", 1)]));
        let placed = place_through(self.edge_urls(), &orders, &accepted);
        let edited = async {
            self.stop_workers().await;
            for lane in lanes(&self.sources.connection).await.unwrap() {
                nats.edit_stream(lane.stream(), setting, value.clone()).await;
            }
            self.wait_until_closed(expected).await;
            let status = self.status_text().await;
            assert!(status.contains(&format!("INTAKE CLOSED {expected}")), "{status}");
            let refused = self.post(0, &format!("refused-{setting}"), &orders_body()).await;
            assert_eq!(refused.body["type"], "/problems/not-durable", "{}", refused.body);
            self.start_workers().await;
            self.wait_until_open().await;
        };
        let (placed, ()) = tokio::join!(placed, edited);
        let after = self.place(&format!("after-{setting}"), &orders_body()).await;
        for view in self.wait_until_final(&[placed, vec![after]].concat()).await {
            assert_eq!(view.status, orders::Status::Fulfilled);
        }
    }
}

fn orders_body() -> Value {
    basket(&[("EDITED", 1)])
}

#[tokio::test]
async fn settings_that_would_lose_orders_close_intake_until_a_worker_has_corrected_them() {
    let mut cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("EDITED", 1_000)]).await;
    for (setting, value, expected) in [
        ("max_age", json!(HOUR_NS), "ORDERS_1: max age is 1h, expected no limit"),
        ("max_msg_size", json!(1_000), "ORDERS_1: max message size is 1000, expected no limit"),
        ("discard", json!("old"), "ORDERS_1: discard policy is old, expected new"),
    ] {
        cluster.survive(setting, value, expected).await;
    }
    cluster.verify_and_stop(&[]).await;
}

#[tokio::test]
async fn a_running_worker_corrects_what_an_edge_has_found_without_waiting_for_its_minute() {
    let cluster = TestCluster::start(plan(Profile::Single)).await;
    let mut nats = cluster.nats().await;
    // Three times within less than the two minutes that its own looks would take.
    wait_until_within(NOTICED_LIMIT, "three edits are corrected", async || {
        for _ in 0..3 {
            nats.edit_stream("ORDERS_1", "max_age", json!(HOUR_NS)).await;
            wait_until("the edit is corrected", async || {
                let info = nats.api("STREAM.INFO.ORDERS_1", &json!({})).await;
                info["config"]["max_age"] == 0
            })
            .await;
        }
        true
    })
    .await;
    cluster.processes.stop().await.unwrap();
}

#[tokio::test]
async fn fewer_replicas_close_intake_until_a_worker_has_corrected_them() {
    let mut cluster = TestCluster::start(plan(Profile::Durable)).await;
    cluster.load_catalog(&[item("EDITED", 1_000)]).await;
    cluster.survive("num_replicas", json!(1), "ORDERS_1: replicas is 1, expected 3").await;
    cluster.verify_and_stop(&[]).await;
}

#[tokio::test]
async fn a_pull_limit_that_stops_a_pool_is_shown_and_corrected_and_orders_go_on() {
    let cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("EDITED", 1_000)]).await;
    let mut nats = cluster.nats().await;
    // The worker that suffers from it corrects it at once, perhaps before the status is read.
    wait_until("the status shows the limit", async || {
        nats.edit_consumer("payment", "max_batch", json!(1)).await;
        let shown = "corrected     ORDERS_1/payment: max pull batch is 1, expected no limit";
        cluster.status_text().await.contains(shown)
    })
    .await;
    let orders = rows("pull", ORDERS, |_| orders_body());
    let placed = cluster.place_all(&orders).await;
    cluster.verify_and_stop(&placed).await;
}

#[tokio::test]
async fn what_an_operator_may_want_is_shown_and_left_and_orders_are_accepted() {
    let mut cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("EDITED", 1_000)]).await;
    let mut nats = cluster.nats().await;
    nats.edit_stream("ORDERS_1", "max_bytes", json!(8_u64 << 30)).await;
    let pause = json!({"pause_until": "2100-01-01T00:00:00Z"});
    let paused = nats.api("CONSUMER.PAUSE.ORDERS_1.payment", &pause).await;
    assert_eq!(paused["paused"], true, "{paused}");
    let foreign = json!({
        "stream_name": "ORDERS_1",
        "config": {"durable_name": "reports", "ack_policy": "explicit"},
    });
    let created = nats.api("CONSUMER.DURABLE.CREATE.ORDERS_1.reports", &foreign).await;
    assert_eq!(created["name"], "reports", "{created}");

    let waiting = cluster.place("paused", &orders_body()).await;
    // A worker that starts corrects settings.
    cluster.stop_worker(payment::POOL).await;
    cluster.start_worker(payment::POOL).await;
    cluster.wait_for_status(waiting, orders::Status::Reserved).await;
    let status = cluster.status_text().await;
    for shown in [
        "left as it is ORDERS_1: max bytes is 8589934592, expected 4294967296",
        "left as it is ORDERS_1/payment: delivery is paused until 2100-01-01T00:00:00Z",
        "left as it is ORDERS_1/reports: consumer is not one of ours",
    ] {
        assert!(status.contains(shown), "{shown}\n{status}");
    }
    cluster.wait_until_open().await;

    nats.api("CONSUMER.PAUSE.ORDERS_1.payment", &json!({})).await;
    cluster.verify_and_stop(&[waiting]).await;
}
