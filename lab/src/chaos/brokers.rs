//! Faults in the brokers.

use std::convert::Infallible;
use std::future::pending;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use streams::{Connection, Durable, Lane, Profile, Topology, lanes, set_lane_limit, stream_state};
use tokio::time::{Instant, sleep};
use workers::stages;

use super::full_disk;
use super::operator_edits::{OperatorEdits, WrongSetting, wait_until_replicated};
use super::schedule::FaultTarget;
use super::{Fault, ScheduledFault, Target};
use crate::lane_of_new_orders::leader_of_new_orders;
use crate::order_client::OrderClient;
use crate::servers::Brokers;

/// Bytes that a lane still accepts while it is filled up: half a second of orders.
const FILL_HEADROOM_BYTES: i64 = 32 * 1024;
/// Brokers that elect a leader respond after a few seconds.
const SET_LIMIT_TIMEOUT: Duration = Duration::from_mins(1);
const RETRY_DELAY: Duration = Duration::from_millis(200);

/// All brokers of a cluster.
pub(super) struct BrokerFaults<'a> {
    brokers: &'a mut Brokers,
    connection: Connection,
    profile: Profile,
    edits: OperatorEdits,
    /// The indexes of the brokers that the active fault affects.
    affected: Vec<usize>,
}

impl<'a> BrokerFaults<'a> {
    pub(super) fn new(
        brokers: &'a mut Brokers,
        connection: &Connection,
        profile: Profile,
        client: &OrderClient,
    ) -> Self {
        let edits = OperatorEdits::new(connection, client);
        Self { brokers, connection: connection.clone(), profile, edits, affected: Vec::new() }
    }

    /// The index of the leader of the lane that new orders go to; `fallback` without a leader.
    async fn leader_or(&self, fallback: usize) -> usize {
        let leader = leader_of_new_orders(&self.connection).await;
        let mut servers = self.brokers.servers.iter();
        servers.position(|server| Some(server.name()) == leader.as_deref()).unwrap_or(fallback)
    }

    /// Lowers the limit of each lane to its current size. Without a leader this does nothing: the lane
    /// accepts no messages anyway.
    async fn fill_lanes(&self) -> Result<()> {
        for lane in lanes(&self.connection).await.unwrap_or_default() {
            if let Ok(state) = stream_state(&self.connection, lane.stream()).await {
                self.set_limit(lane, state.bytes as i64 + FILL_HEADROOM_BYTES).await?;
            }
        }
        Ok(())
    }

    async fn restore_limits(&self) -> Result<()> {
        let bytes_max = Topology::new(self.profile).orders_bytes_max;
        for lane in lanes(&self.connection).await? {
            self.set_limit(lane, bytes_max).await?;
        }
        Ok(())
    }

    async fn set_limit(&self, lane: Lane, bytes_max: i64) -> Result<()> {
        let deadline = Instant::now() + SET_LIMIT_TIMEOUT;
        loop {
            match set_lane_limit(&self.connection, lane, bytes_max).await {
                Ok(()) => return Ok(()),
                Err(err) if Instant::now() > deadline => {
                    return Err(err).context("setting the stream's limit timed out");
                }
                Err(_) => sleep(RETRY_DELAY).await,
            }
        }
    }
}

impl FaultTarget for BrokerFaults<'_> {
    async fn inject(&mut self, scheduled: &ScheduledFault) -> Result<()> {
        let count = self.brokers.servers.len();
        let drawn = scheduled.index % count;
        self.affected = match scheduled.fault {
            Fault::Kill(Target::Leader)
            | Fault::Pause(Target::Leader)
            | Fault::Partition(Target::Leader) => vec![self.leader_or(drawn).await],
            Fault::KillTwoBrokers => vec![drawn, (drawn + 1) % count],
            Fault::RestartBrokers => (0..count).collect(),
            _ => vec![drawn],
        };
        match scheduled.fault {
            Fault::FillStream => return self.fill_lanes().await,
            Fault::DiskFull => return full_disk::fill(self.brokers, drawn).await,
            Fault::LowerReplicas => {
                return self.edits.change_lanes(WrongSetting::OneReplica).await;
            }
            Fault::LimitAge => return self.edits.change_lanes(WrongSetting::AgeLimit).await,
            Fault::DeleteConsumer => {
                return self.edits.delete_consumer(&consumer(scheduled.index)).await;
            }
            _ => {}
        }
        for &broker in &self.affected {
            match scheduled.fault {
                Fault::Partition(_) => {
                    ensure!(self.brokers.partition(broker), "the brokers are not partitionable");
                }
                Fault::Pause(_) | Fault::FreezeBroker => self.brokers.servers[broker].pause()?,
                Fault::LoseStore => self.brokers.lose_store(broker).await?,
                _ => self.brokers.servers[broker].kill().await?,
            }
        }
        Ok(())
    }

    async fn heal(&mut self, scheduled: &ScheduledFault) -> Result<()> {
        match scheduled.fault {
            Fault::FillStream => self.restore_limits().await,
            Fault::LowerReplicas | Fault::LimitAge => self.edits.restore_lanes().await,
            Fault::DeleteConsumer => self.edits.wait_for_consumer(&consumer(scheduled.index)).await,
            Fault::Partition(_) => {
                self.brokers.heal();
                Ok(())
            }
            Fault::Pause(_) | Fault::FreezeBroker => {
                let servers = &self.brokers.servers;
                Ok(self.affected.iter().try_for_each(|broker| servers[*broker].resume())?)
            }
            Fault::LoseStore => {
                self.brokers.start().await?;
                wait_until_replicated(&self.connection).await
            }
            Fault::DiskFull => {
                for &broker in &self.affected {
                    full_disk::free(self.brokers, broker).await?;
                }
                wait_until_replicated(&self.connection).await
            }
            _ => Ok(self.brokers.start().await?),
        }
    }

    /// Restarts nothing: a broker that exits by itself is a defect, which a restart would hide.
    async fn supervise(&mut self) -> Result<Infallible> {
        pending().await
    }
}

/// A durable consumer of a step that orders pass.
fn consumer(index: usize) -> Durable {
    let steps = stages::steps().into_iter().filter(|step| !step.is_observer());
    let sources = steps.flat_map(|step| [step.events(), step.retries()]);
    let mut durables: Vec<_> = sources.flat_map(|it| it.durables(&[Lane::FIRST])).collect();
    durables.swap_remove(index % durables.len())
}
