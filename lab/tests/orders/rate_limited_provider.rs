//! A provider that refuses calls because there are too many: orders wait, no attempt is counted,
//! and no call is made before the time that `Retry-After` sets.

use orders::Status;
use serde_json::Value;
use streams::Profile;

use super::fixtures::{basket, item, rows};
use super::test_cluster::{TestCluster, plan, wait_until};

/// Enough for many concurrent calls.
const ORDERS: usize = 30;
/// Rounds of refused calls. A record that counted an attempt in one of them would be seen.
const REFUSALS: u64 = 4;

#[tokio::test]
async fn a_rate_limit_costs_no_order_an_attempt() {
    let cluster = start().await;
    let schedules = cluster.collect_schedules().await;
    cluster.set_provider_faults("fail=429&retry_after=1").await;
    let ids = cluster.place_all(&rows("limited", ORDERS, |_| basket(&[("PAY", 1)]))).await;
    cluster.wait_for_refusals(ORDERS as u64 + REFUSALS).await;
    assert_eq!(schedules.failed_attempts(), 0);
    assert_eq!(cluster.dead_letters().await, []);

    cluster.set_provider_faults("fail=none").await;
    let views = cluster.wait_until_final(&ids).await;
    assert!(views.iter().all(|view| view.status == Status::Fulfilled));
    cluster.verify_and_stop(&ids).await;
}

#[tokio::test]
async fn no_call_is_made_before_the_time_that_retry_after_sets() {
    let cluster = start().await;
    cluster.set_provider_faults("fail=429&retry_after=2").await;
    let id = cluster.place("alone", &basket(&[("PAY", 1)])).await;
    cluster.wait_for_refusals(REFUSALS).await;
    assert_eq!(cluster.rate_limit().await["early"], 0);

    cluster.set_provider_faults("fail=none").await;
    assert_eq!(cluster.wait_until_final(&[id]).await[0].status, Status::Fulfilled);
    cluster.verify_and_stop(&[id]).await;
}

async fn start() -> TestCluster {
    let cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("PAY", 1_000)]).await;
    cluster
}

impl TestCluster {
    pub(crate) async fn wait_for_refusals(&self, count: u64) {
        wait_until(&format!("the provider has refused {count} calls"), async || {
            self.rate_limit().await["refused"].as_u64().unwrap() >= count
        })
        .await;
    }

    /// What the simulator's rate limit has seen.
    pub(crate) async fn rate_limit(&self) -> Value {
        let url = format!("{}/control", self.processes.provider.url());
        self.http.get(&url).await.body["rate_limit"].clone()
    }
}
