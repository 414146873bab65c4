//! What happens to edges, workers, Redis, PostgreSQL and the payment provider.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use payment_simulator::control;
use streams::Pool;
use tokio::time::{Instant, sleep};

use super::strike::Line;
use super::{Fault, Strike, Target};
use crate::servers::Server;
use crate::up::RoleProcess;

/// A role that finds no brokers ends, and is started again until they are back.
const UP_WITHIN: Duration = Duration::from_mins(2);
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// All of a cluster but its brokers.
pub(super) struct MembersLine<'a> {
    pub(super) edges: &'a mut [RoleProcess],
    pub(super) workers: &'a mut [(Pool, RoleProcess)],
    pub(super) provider_url: &'a str,
    pub(super) redis: &'a mut Server,
    pub(super) postgres: &'a mut Server,
    /// How often each member ended by itself and was started again.
    pub(super) restarts: BTreeMap<String, u64>,
}

impl Line for MembersLine<'_> {
    async fn begin(&mut self, strike: &Strike) -> Result<()> {
        match strike.fault {
            Fault::Kill(Target::Redis) => Ok(self.redis.kill().await?),
            Fault::Kill(Target::Postgres) => Ok(self.postgres.kill().await?),
            Fault::Kill(target) => self.member(target, strike.which)?.kill().await,
            Fault::Pause(Target::Redis) => Ok(self.redis.pause()?),
            Fault::Pause(Target::Postgres) => Ok(self.postgres.pause()?),
            Fault::Pause(target) => self.member(target, strike.which)?.pause(),
            Fault::FreezeWorker => self.worker(strike.which)?.pause(),
            Fault::ProviderSlow => self.control("latency_ms=800").await,
            Fault::ProviderFails => self.control("fail=5xx&rate=0.7").await,
            Fault::ProviderHangs => self.control("fail=hang&rate=0.7").await,
            Fault::ProviderAway => {
                self.control(&format!("away_ms={}", strike.lasts.as_millis())).await
            }
            other => bail!("{other} happens to brokers"),
        }
    }

    async fn heal(&mut self, strike: &Strike) -> Result<()> {
        match strike.fault {
            Fault::Kill(Target::Redis) => Ok(self.redis.start().await?),
            Fault::Kill(Target::Postgres) => Ok(self.postgres.start().await?),
            Fault::Kill(target) => start(self.member(target, strike.which)?).await,
            Fault::Pause(Target::Redis) => Ok(self.redis.resume()?),
            Fault::Pause(Target::Postgres) => Ok(self.postgres.resume()?),
            Fault::Pause(target) => self.member(target, strike.which)?.resume(),
            Fault::FreezeWorker => self.worker(strike.which)?.resume(),
            // It comes back by itself.
            Fault::ProviderAway => Ok(()),
            _ => self.control("latency_ms=0&fail=none&rate=1").await,
        }
    }

    async fn keep_up(&mut self) -> Result<Infallible> {
        loop {
            let workers = self.workers.iter_mut().map(|(_, worker)| worker);
            for member in self.edges.iter_mut().chain(workers) {
                if member.has_ended()? {
                    *self.restarts.entry(member.name().to_owned()).or_default() += 1;
                    start(member).await?;
                }
            }
            sleep(LOOK_EVERY).await;
        }
    }
}

impl MembersLine<'_> {
    fn member(&mut self, target: Target, which: usize) -> Result<&mut RoleProcess> {
        let mut members: Vec<&mut RoleProcess> = if let Target::Worker(pool) = target {
            let its = self.workers.iter_mut().filter(|(its_pool, _)| *its_pool == pool);
            its.map(|(_, worker)| worker).collect()
        } else {
            self.edges.iter_mut().collect()
        };
        let drawn = which.checked_rem(members.len()).context("the cluster has none of these")?;
        Ok(members.swap_remove(drawn))
    }

    /// Any worker.
    fn worker(&mut self, which: usize) -> Result<&mut RoleProcess> {
        let drawn = which.checked_rem(self.workers.len()).context("there are no workers")?;
        Ok(&mut self.workers[drawn].1)
    }

    async fn control(&self, form: &str) -> Result<()> {
        control(self.provider_url, form).await
    }
}

async fn start(member: &mut RoleProcess) -> Result<()> {
    let deadline = Instant::now() + UP_WITHIN;
    loop {
        match member.start().await {
            Ok(()) => return Ok(()),
            Err(err) if Instant::now() > deadline => return Err(err),
            Err(_) => sleep(LOOK_EVERY).await,
        }
    }
}
