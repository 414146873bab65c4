//! Writes settings of pools as `nats kv put` does, and waits for what the workers say about them.

use std::time::Duration;

use serde_json::json;
use streams::{Pool, PullReport, worker_presence};
use tokio::time::Instant;

use super::test_cluster::{TestCluster, wait_until};
use crate::raw_nats::RawNats;

/// What is promised: a setting is in force at every worker within this time. The last pull request may have been sent
/// just before that, and has ended by then.
pub(crate) const IN_FORCE_WITHIN: Duration = Duration::from_secs(2);
/// What a busy machine may take longer to report it.
pub(crate) const REPORT_TOLERANCE: Duration = Duration::from_secs(2);

impl TestCluster {
    /// Puts `json` as the setting of `pool`. Returns its revision.
    pub(crate) async fn set_pool(&self, pool: Pool, json: &str) -> u64 {
        put(&mut self.nats().await, pool, json).await
    }

    /// What each worker of `pool` reports about its setting.
    pub(crate) async fn pull_reports(&self, pool: Pool) -> Vec<PullReport> {
        let present = worker_presence(&self.sources.connection, &[pool]).await.unwrap();
        present.reports.into_iter().map(|(_, state)| state.pull).collect()
    }

    /// Waits until the workers of `pool` are in these states, in alphabetical order.
    pub(crate) async fn wait_for_states(&self, pool: Pool, expected: &[&str]) {
        wait_until(&format!("{pool} is {expected:?}"), async || {
            let mut states: Vec<String> =
                self.pull_reports(pool).await.into_iter().map(|report| report.state).collect();
            states.sort();
            states == expected
        })
        .await;
    }

    /// Waits until no pull request of `pool` is open that was sent before a pause: they expire after a second.
    pub(crate) async fn wait_until_nothing_is_pulled(&self, pool: Pool) {
        let mut nats = self.nats().await;
        wait_until("no pull request is open", async || {
            let info = nats.api(&format!("CONSUMER.INFO.ORDERS_1.{pool}"), &json!({})).await;
            info["num_waiting"] == 0
        })
        .await;
    }

    /// Puts a setting, and asserts that it is in force at all `workers` of the pool within two seconds.
    pub(crate) async fn set_pool_in_time(&self, pool: Pool, json: &str, workers: usize) {
        let revision = self.set_pool(pool, json).await;
        let written_at = Instant::now();
        wait_until(&format!("{pool} has {json}"), async || {
            let reports = self.pull_reports(pool).await;
            reports.len() == workers && reports.iter().all(|report| report.revision == revision)
        })
        .await;
        let took = written_at.elapsed();
        assert!(took < IN_FORCE_WITHIN + REPORT_TOLERANCE, "{json} took {took:?}");
    }
}

/// Puts `json` as the setting of `pool`, again and again until a leader takes it. Returns its revision.
pub(crate) async fn put(nats: &mut RawNats, pool: Pool, json: &str) -> u64 {
    let mut reply = json!(null);
    wait_until("the setting is stored", async || {
        reply = nats.request(&format!("$KV.POOLS.{pool}"), json).await;
        reply["seq"].is_u64()
    })
    .await;
    reply["seq"].as_u64().unwrap()
}
