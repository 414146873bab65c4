//! Faults in edges, workers, Redis, PostgreSQL and the payment provider.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use payment_simulator::set_faults;
use streams::Pool;
use streams::failpoints::FAILPOINTS;
use tokio::time::{Instant, sleep};

use super::bad_records::BadRecords;
use super::restart::restart;
use super::rolling_restart::RollingRestart;
use super::schedule::FaultTarget;
use super::{Fault, Link, ScheduledFault, Target};
use crate::servers::{LinkState, RedisLogin, Server};
use crate::up::{LinkedServer, RoleProcess};

/// Time between two checks whether a process has exited.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// How late the simulator may be when it returns: a busy machine delays it by moments.
const PROVIDER_RETURN_TIMEOUT: Duration = Duration::from_secs(30);

/// The provider without faults.
const PROVIDER_HEALTHY: &str = "latency_ms=0&fail=none&rate=1&retry_after=0&in_flight_max=0\
     &payments=succeeded&refunds=succeeded";

/// Half of all confirms take effect about when their orders are cancelled: the reservation expires after
/// ten seconds, and the sweep finds that within another one.
const PROVIDER_LATE: &str = "fail=late&rate=0.5&late_ms=10500";

/// All processes of a cluster except its brokers.
pub(super) struct ProcessFaults<'a> {
    pub(super) edges: &'a mut [RoleProcess],
    pub(super) workers: &'a mut [(Pool, RoleProcess)],
    pub(super) provider_url: &'a str,
    pub(super) redis: &'a mut Server,
    pub(super) redis_login: RedisLogin,
    pub(super) postgres: &'a mut Server,
    pub(super) rolling_restart: RollingRestart,
    pub(super) bad_records: BadRecords,
    /// Whether refunds failed at the provider.
    pub(super) refunds_failed: bool,
    /// How often each role process exited by itself and was restarted, by its name.
    pub(super) restarts: BTreeMap<String, u64>,
}

impl FaultTarget for ProcessFaults<'_> {
    async fn inject(&mut self, scheduled: &ScheduledFault) -> Result<()> {
        match scheduled.fault {
            Fault::Kill(Target::Redis) => Ok(self.redis.kill().await?),
            Fault::Kill(Target::Postgres) => Ok(self.postgres.kill().await?),
            Fault::Kill(target) => self.role_process(target, scheduled.index)?.kill().await,
            Fault::Pause(Target::Redis) => Ok(self.redis.pause()?),
            Fault::Pause(Target::Postgres) | Fault::FreezePostgres => Ok(self.postgres.pause()?),
            Fault::Pause(target) => self.role_process(target, scheduled.index)?.pause(),
            Fault::Cut(link) => self.set_link(link, scheduled.index, cut(scheduled.index)),
            Fault::FreezeWorker => self.any_worker(scheduled.index)?.pause(),
            Fault::SkewClock => self.set_clock(scheduled.index, clock(scheduled.index)).await,
            Fault::FlushRedis => self.flush_redis().await,
            Fault::BadRecords => self.bad_records.publish().await,
            Fault::RollingRestart => {
                let Self { rolling_restart, edges, workers, .. } = self;
                rolling_restart.restart_next(edges, workers).await
            }
            Fault::ProviderSlow => self.control_provider("latency_ms=800").await,
            Fault::ProviderFails => self.control_provider("fail=5xx&rate=0.7").await,
            Fault::ProviderHangs => self.control_provider("fail=hang&rate=0.7").await,
            Fault::ProviderLate => self.control_provider(PROVIDER_LATE).await,
            Fault::ProviderLimits => self.control_provider("fail=429&rate=0.7&retry_after=1").await,
            Fault::RefundsFail => {
                self.refunds_failed = true;
                self.control_provider("refunds=failed").await
            }
            Fault::RefundsPend => self.control_provider("refunds=pending").await,
            Fault::ProviderDown => {
                self.control_provider(&format!("away_ms={}", scheduled.duration.as_millis())).await
            }
            other => bail!("{other} is a fault of brokers"),
        }
    }

    async fn heal(&mut self, scheduled: &ScheduledFault) -> Result<()> {
        match scheduled.fault {
            Fault::Kill(Target::Redis) => Ok(self.redis.start().await?),
            Fault::Kill(Target::Postgres) => Ok(self.postgres.start().await?),
            Fault::Kill(target) => restart(self.role_process(target, scheduled.index)?).await,
            Fault::Pause(Target::Redis) => Ok(self.redis.resume()?),
            Fault::Pause(Target::Postgres) | Fault::FreezePostgres => Ok(self.postgres.resume()?),
            Fault::Pause(target) => self.role_process(target, scheduled.index)?.resume(),
            Fault::Cut(link) => self.set_link(link, scheduled.index, LinkState::Open),
            Fault::FreezeWorker => self.any_worker(scheduled.index)?.resume(),
            Fault::SkewClock => self.set_clock(scheduled.index, "").await,
            Fault::FlushRedis => self.flush_redis().await,
            // The processes run, and the records stay.
            Fault::RollingRestart | Fault::BadRecords => Ok(()),
            Fault::ProviderDown => self.wait_for_provider().await,
            _ => self.control_provider(PROVIDER_HEALTHY).await,
        }
    }

    async fn supervise(&mut self) -> Result<Infallible> {
        loop {
            let workers = self.workers.iter_mut().map(|(_, worker)| worker);
            for process in self.edges.iter_mut().chain(workers) {
                if process.has_exited()? {
                    *self.restarts.entry(process.name().to_owned()).or_default() += 1;
                    restart(process).await?;
                }
            }
            sleep(POLL_INTERVAL).await;
        }
    }
}

impl ProcessFaults<'_> {
    /// An edge, or a worker of the targeted pool.
    fn role_process(&mut self, target: Target, index: usize) -> Result<&mut RoleProcess> {
        let processes = if let Target::Worker(pool) = target {
            let workers = self.workers.iter_mut().filter(|(worker_pool, _)| *worker_pool == pool);
            workers.map(|(_, worker)| worker).collect()
        } else {
            self.edges.iter_mut().collect()
        };
        drawn(processes, index)
    }

    /// A worker of any pool.
    fn any_worker(&mut self, index: usize) -> Result<&mut RoleProcess> {
        drawn(self.workers.iter_mut().map(|(_, worker)| worker).collect(), index)
    }

    /// Restarts an edge or a worker with this failpoint of its clock; an empty one is the right time.
    async fn set_clock(&mut self, index: usize, failpoint: &str) -> Result<()> {
        let workers = self.workers.iter_mut().map(|(_, worker)| worker);
        let process = drawn(self.edges.iter_mut().chain(workers).collect(), index)?;
        process.stop().await?;
        process.set(FAILPOINTS, failpoint);
        restart(process).await
    }

    fn set_link(&mut self, link: Link, index: usize, state: LinkState) -> Result<()> {
        let (process, server) = match link {
            Link::EdgeBrokers => (self.role_process(Target::Edge, index)?, LinkedServer::Brokers),
            Link::EdgeRedis => (self.role_process(Target::Edge, index)?, LinkedServer::Redis),
            Link::WorkerBrokers => (self.any_worker(index)?, LinkedServer::Brokers),
            Link::WorkerPostgres => (self.any_worker(index)?, LinkedServer::Postgres),
        };
        ensure!(process.set_link(server, state), "the processes are not partitionable");
        Ok(())
    }

    async fn flush_redis(&self) -> Result<()> {
        Ok(self.redis_login.flush().await?)
    }

    /// Waits until the simulator, which was away, accepts connections again: the next fault needs that.
    async fn wait_for_provider(&self) -> Result<()> {
        let deadline = Instant::now() + PROVIDER_RETURN_TIMEOUT;
        loop {
            match self.control_provider(PROVIDER_HEALTHY).await {
                Err(_) if Instant::now() < deadline => sleep(POLL_INTERVAL).await,
                result => return result,
            }
        }
    }

    async fn control_provider(&self, form: &str) -> Result<()> {
        set_faults(self.provider_url, form).await
    }
}

/// The one of `processes` that the seed has drawn as `index`.
fn drawn(mut processes: Vec<&mut RoleProcess>, index: usize) -> Result<&mut RoleProcess> {
    let position = index.checked_rem(processes.len()).context("the cluster has no such process")?;
    Ok(processes.swap_remove(position))
}

/// By how much a clock is wrong, as a failpoint. The seed draws this, and independently of the process.
const fn clock(index: usize) -> &'static str {
    if (index / 100).is_multiple_of(2) { "clock=3600" } else { "clock=-3600" }
}

/// How a link is cut. The seed draws this, and independently of the process.
const fn cut(index: usize) -> LinkState {
    const WAYS: [LinkState; 3] = [LinkState::Cut, LinkState::ResponsesCut, LinkState::Slow];
    WAYS[(index / 100) % WAYS.len()]
}
