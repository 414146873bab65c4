//! Strikes brokers by a schedule, and waits after each strike until all of them are whole again.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use streams::Connection;
use tokio::time::{Instant, sleep};

use super::super::cluster::now_ms;
use super::schedule::{Method, PlannedStrike, Strike, choose};
use crate::chaos::wait_until_replicated;
use crate::lane_of_new_orders::leader_of_new_orders;
use crate::servers::ProgressFn;
use crate::up::Cluster;

/// How long the lanes may be without a leader before a strike: several elections.
const LEADER_TIMEOUT: Duration = Duration::from_mins(1);
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Strikes the brokers of a cluster.
pub(super) struct Striker<'a> {
    cluster: &'a mut Cluster,
    connection: Connection,
    progress: &'a ProgressFn,
}

/// A strike that was carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Struck {
    pub(super) strike: Strike,
    /// The broker's name; `None` if all were struck.
    pub(super) broker: Option<String>,
    index: usize,
    /// Whether it led the lane that takes new orders.
    pub(super) led: bool,
    /// The moment of the strike, in milliseconds since 1970.
    pub(super) at_ms: i64,
    /// When a stopped broker was resumed.
    pub(super) resumed_at_ms: Option<i64>,
}

impl Struck {
    /// A strike on the broker with this name and index, which led; or on all brokers.
    #[cfg(test)]
    pub(super) fn new(
        strike: Strike,
        broker: Option<(&str, usize)>,
        at_ms: i64,
        resumed_at_ms: Option<i64>,
    ) -> Self {
        let index = broker.map_or(0, |(_, index)| index);
        let broker = broker.map(|(name, _)| name.to_owned());
        Self { strike, broker, index, led: true, at_ms, resumed_at_ms }
    }
}

impl<'a> Striker<'a> {
    pub(super) fn new(
        cluster: &'a mut Cluster,
        connection: Connection,
        progress: &'a ProgressFn,
    ) -> Self {
        Self { cluster, connection, progress }
    }

    /// Carries out all strikes, one after the other.
    pub(super) async fn strike_all(&mut self, strikes: &[PlannedStrike]) -> Result<Vec<Struck>> {
        let mut all: Vec<Struck> = Vec::with_capacity(strikes.len());
        for (number, PlannedStrike { strike, recovery }) in strikes.iter().enumerate() {
            let leader = self.leader().await?;
            let struck = match strike {
                Strike::One(_, _, aim) => {
                    let alike = all.iter().filter(|struck| struck.strike.is_like(*strike));
                    let alike: Vec<usize> = alike.map(|struck| struck.index).collect();
                    let count = self.cluster.servers.brokers.servers.len();
                    let index = choose(*aim, leader, &alike, count);
                    self.strike_one(*strike, index, index == leader).await
                }
                Strike::RestartInOrder => self.restart_in_order(*strike).await,
            };
            let struck = struck.with_context(|| format!("strike {}: {strike}", number + 1))?;
            all.push(struck);
            self.recover(*recovery).await?;
        }
        Ok(all)
    }

    async fn strike_one(&mut self, strike: Strike, index: usize, led: bool) -> Result<Struck> {
        let Strike::One(method, lasts, _) = strike else {
            return self.restart_in_order(strike).await;
        };
        let brokers = &mut self.cluster.servers.brokers;
        let server = &mut brokers.servers[index];
        let broker = server.name().to_owned();
        let role = if led { ", which leads" } else { "" };
        (self.progress)(&format!("failover: {broker}{role}: {strike}"));
        let at_ms = now_ms();
        let mut resumed_at_ms = None;
        match method {
            Method::Kill => {
                server.kill().await?;
                sleep(lasts).await;
            }
            Method::Stop => {
                server.pause()?;
                sleep(lasts).await;
                resumed_at_ms = Some(now_ms());
                server.resume()?;
            }
        }
        brokers.start().await?;
        Ok(Struck { strike, broker: Some(broker), index, led, at_ms, resumed_at_ms })
    }

    /// Stops and starts one broker after the other, each once the one before is ready.
    async fn restart_in_order(&mut self, strike: Strike) -> Result<Struck> {
        (self.progress)(&format!("failover: all brokers: {strike}"));
        let at_ms = now_ms();
        let brokers = &mut self.cluster.servers.brokers;
        for index in 0..brokers.servers.len() {
            brokers.servers[index].stop().await?;
            brokers.start().await?;
        }
        Ok(Struck { strike, broker: None, index: 0, led: true, at_ms, resumed_at_ms: None })
    }

    /// Waits at least for `recovery`, and until every broker has everything: only then may another one
    /// fail. Roles that exited are restarted, as an orchestrator would do.
    async fn recover(&mut self, recovery: Duration) -> Result<()> {
        let ended = Instant::now();
        self.cluster.supervise().await?;
        wait_until_replicated(&self.connection).await?;
        sleep(recovery.saturating_sub(ended.elapsed())).await;
        Ok(())
    }

    /// The index of the broker that leads the lane that takes new orders.
    async fn leader(&self) -> Result<usize> {
        let deadline = Instant::now() + LEADER_TIMEOUT;
        loop {
            let leader = leader_of_new_orders(&self.connection).await;
            let mut brokers = self.cluster.servers.brokers.servers.iter();
            match brokers.position(|broker| Some(broker.name()) == leader.as_deref()) {
                Some(leader) => return Ok(leader),
                None if Instant::now() > deadline => bail!("no lane has a leader"),
                None => sleep(POLL_INTERVAL).await,
            }
        }
    }
}
