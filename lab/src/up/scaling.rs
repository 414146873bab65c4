//! Starts and drains workers until each pool has as many as it needs by its setting, as an autoscaler of containers
//! does.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use futures_util::future::join_all;
use millrace::keys::Role as KeyRole;
use streams::subjects::lag_subject;
use streams::{Connection, Counting, Pool, PoolLag, Requester};
use tokio::time::Instant;

use super::{Cluster, RoleProcess};

/// Limit for an answer. Without one a pool stays as it is.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);
/// Workers of a pool that one machine runs, at most: more do no more on its cores.
const WORKERS_MAX: usize = 64;
/// Workers of a pool that are started at a time: others start half a second later, when these have had their share of
/// the machine's cores.
const STARTS_MAX: usize = 4;

/// Asks the pools how many workers they need.
pub struct Scaling(Requester);

impl Scaling {
    /// For a cluster that runs.
    ///
    /// # Errors
    /// The brokers do not let it in.
    pub async fn start(cluster: &Cluster) -> Result<Self> {
        let access = cluster.servers.brokers.access(KeyRole::Viewer);
        let connection = Connection::open(&access, "up").await.context("asking the pools")?;
        Ok(Self(Requester::new(connection)))
    }

    /// How many workers `pool` needs; `None` if its setting does not say, or nothing answers.
    async fn wanted(&self, pool: Pool) -> Option<usize> {
        let subject = lag_subject(pool.as_str());
        let body = Bytes::from_static(Counting::Estimate.request());
        let reply = self.0.request(&subject, body, ANSWER_TIMEOUT).await.ok()?;
        let lag: PoolLag = serde_json::from_slice(&reply).ok()?;
        Some(lag.wanted? as usize)
    }
}

impl Cluster {
    /// Starts and ends workers, once. Does not wait until they have ended: each processes what it has pulled. One that
    /// cannot be started is reported, and tried again the next time.
    pub async fn scale(&mut self, scaling: &Scaling) {
        self.ending.forget_ended();
        let pools: Vec<Pool> = self.plan.workers.iter().map(|(pool, _)| *pool).collect();
        let wanted = join_all(pools.iter().map(|pool| scaling.wanted(*pool))).await;
        for (pool, wanted) in pools.into_iter().zip(wanted) {
            if let Some(wanted) = wanted {
                self.scale_pool(pool, wanted.min(WORKERS_MAX));
            }
        }
    }

    fn scale_pool(&mut self, pool: Pool, wanted: usize) {
        let running = self.workers.iter().filter(|(of, _)| *of == pool).count();
        for _ in 0..starts(running, wanted) {
            let name = self.unused_name(pool);
            match self.spawned_worker(&name, pool) {
                Ok(worker) => {
                    (self.plan.progress)(&format!("{name} starts: {pool} wants {wanted} workers"));
                    self.workers.push((pool, worker));
                }
                Err(err) => {
                    // It is tried twice a second, and reported less and less often.
                    if self.restarts.is_due(&format!("{pool} workers"), Instant::now()) {
                        (self.plan.progress)(&format!(
                            "{name} cannot be started, trying again: {err:#}"
                        ));
                    }
                    break;
                }
            }
        }
        for _ in wanted..running {
            let Some(last) = self.workers.iter().rposition(|(of, _)| *of == pool) else { break };
            let (_, worker) = self.workers.remove(last);
            let name = worker.name();
            (self.plan.progress)(&format!("{name} ends: {pool} wants {wanted} workers"));
            self.ending.end(worker);
        }
    }

    fn spawned_worker(&self, name: &str, pool: Pool) -> Result<RoleProcess> {
        let mut worker = self.worker(name, pool)?;
        worker.spawn()?;
        Ok(worker)
    }

    /// The name of a worker that neither runs nor is ending.
    fn unused_name(&self, pool: Pool) -> String {
        let running: HashSet<&str> = self.workers.iter().map(|(_, worker)| worker.name()).collect();
        let is_used = |name: &str| running.contains(name) || self.ending.contains(name);
        let mut names = (1_usize..).map(|number| format!("{pool}-{number}"));
        names.find(|name| !is_used(name)).expect("numbers do not end")
    }
}

/// How many workers are started now.
fn starts(running: usize, wanted: usize) -> usize {
    wanted.saturating_sub(running).min(STARTS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_workers_are_started_at_a_time() {
        assert_eq!(starts(1, 64), STARTS_MAX);
        assert_eq!([starts(62, 64), starts(64, 64), starts(64, 1)], [2, 0, 0]);
    }
}
