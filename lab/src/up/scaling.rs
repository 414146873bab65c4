//! Starts and drains workers until each pool has as many as it needs by its setting, as an autoscaler of containers
//! does.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use futures_util::future::join_all;
use millrace::keys::Role as KeyRole;
use streams::subjects::lag_subject;
use streams::{Connection, Pool, PoolLag, Requester};

use super::Cluster;

/// Limit for an answer. Without one a pool stays as it is.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);
/// Workers of a pool that one machine runs, at most: more do no more on its cores.
const WORKERS_MAX: usize = 64;

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
        let reply = self.0.request(&subject, Bytes::new(), ANSWER_TIMEOUT).await.ok()?;
        let lag: PoolLag = serde_json::from_slice(&reply).ok()?;
        Some(lag.wanted? as usize)
    }
}

impl Cluster {
    /// Starts and ends workers, once. Does not wait until they have ended: each processes what it has pulled.
    ///
    /// # Errors
    /// A worker cannot be started.
    pub async fn scale(&mut self, scaling: &Scaling) -> Result<()> {
        self.ending.forget_ended();
        let pools: Vec<Pool> = self.plan.workers.iter().map(|(pool, _)| *pool).collect();
        let wanted = join_all(pools.iter().map(|pool| scaling.wanted(*pool))).await;
        for (pool, wanted) in pools.into_iter().zip(wanted) {
            if let Some(wanted) = wanted {
                self.scale_pool(pool, wanted.min(WORKERS_MAX))?;
            }
        }
        Ok(())
    }

    fn scale_pool(&mut self, pool: Pool, wanted: usize) -> Result<()> {
        let running = self.workers.iter().filter(|(of, _)| *of == pool).count();
        for _ in running..wanted {
            let name = self.unused_name(pool);
            (self.plan.progress)(&format!("{name} starts: {pool} wants {wanted} workers"));
            let mut worker = self.worker(&name, pool)?;
            worker.spawn()?;
            self.workers.push((pool, worker));
        }
        for _ in wanted..running {
            let Some(last) = self.workers.iter().rposition(|(of, _)| *of == pool) else { break };
            let (_, worker) = self.workers.remove(last);
            let name = worker.name();
            (self.plan.progress)(&format!("{name} ends: {pool} wants {wanted} workers"));
            self.ending.end(worker);
        }
        Ok(())
    }

    /// The name of a worker that neither runs nor is ending.
    fn unused_name(&self, pool: Pool) -> String {
        let running: HashSet<&str> = self.workers.iter().map(|(_, worker)| worker.name()).collect();
        let is_used = |name: &str| running.contains(name) || self.ending.contains(name);
        let mut names = (1_usize..).map(|number| format!("{pool}-{number}"));
        names.find(|name| !is_used(name)).expect("numbers do not end")
    }
}
