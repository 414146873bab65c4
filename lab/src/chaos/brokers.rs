//! What happens to brokers.

use std::convert::Infallible;
use std::future::pending;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use streams::{Connection, Profile, Topology, names, set_orders_limit, stream_state};
use tokio::time::{Instant, sleep};

use super::strike::Line;
use super::{Fault, Strike, Target};
use crate::servers::Brokers;

/// What a stream that is filled up still takes: half a second of orders.
const ROOM_LEFT: i64 = 32 * 1024;
/// Brokers that elect a leader answer after a few seconds.
const ANSWER_WITHIN: Duration = Duration::from_mins(1);
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(200);

/// All brokers of a cluster.
pub(super) struct BrokersLine<'a> {
    brokers: &'a mut Brokers,
    connection: Connection,
    profile: Profile,
    /// The brokers that the present fault has struck.
    struck: Vec<usize>,
}

impl<'a> BrokersLine<'a> {
    pub(super) fn new(brokers: &'a mut Brokers, connection: &Connection, profile: Profile) -> Self {
        Self { brokers, connection: connection.clone(), profile, struck: Vec::new() }
    }

    /// The broker that leads the stream of orders; while there is none, the one that was drawn.
    async fn leader(&self, drawn: usize) -> usize {
        let state = stream_state(&self.connection, names::ORDERS).await.ok();
        let leader = state.and_then(|state| state.leader);
        let mut servers = self.brokers.servers.iter();
        servers.position(|server| Some(server.name()) == leader.as_deref()).unwrap_or(drawn)
    }

    /// Lowers the stream's limit to what it holds. While nobody leads it, it takes nothing anyway.
    async fn fill(&self) -> Result<()> {
        let Ok(state) = stream_state(&self.connection, names::ORDERS).await else { return Ok(()) };
        self.limit(state.bytes as i64 + ROOM_LEFT).await
    }

    async fn limit(&self, bytes_max: i64) -> Result<()> {
        let deadline = Instant::now() + ANSWER_WITHIN;
        loop {
            match set_orders_limit(&self.connection, bytes_max).await {
                Ok(()) => return Ok(()),
                Err(err) if Instant::now() > deadline => return Err(err).context("no answer"),
                Err(_) => sleep(ASK_AGAIN_AFTER).await,
            }
        }
    }
}

impl Line for BrokersLine<'_> {
    async fn begin(&mut self, strike: &Strike) -> Result<()> {
        let count = self.brokers.servers.len();
        let drawn = strike.which % count;
        self.struck = match strike.fault {
            Fault::Kill(Target::Leader)
            | Fault::Pause(Target::Leader)
            | Fault::CutOff(Target::Leader) => vec![self.leader(drawn).await],
            Fault::KillTwoBrokers => vec![drawn, (drawn + 1) % count],
            Fault::RestartBrokers => (0..count).collect(),
            _ => vec![drawn],
        };
        if strike.fault == Fault::FillStream {
            return self.fill().await;
        }
        for &broker in &self.struck {
            match strike.fault {
                Fault::CutOff(_) => ensure!(self.brokers.partition(broker), "no doors to shut"),
                Fault::Pause(_) => self.brokers.servers[broker].pause()?,
                _ => self.brokers.servers[broker].kill().await?,
            }
        }
        Ok(())
    }

    async fn heal(&mut self, strike: &Strike) -> Result<()> {
        match strike.fault {
            Fault::FillStream => self.limit(Topology::new(self.profile).orders_bytes_max).await,
            Fault::CutOff(_) => {
                self.brokers.heal();
                Ok(())
            }
            Fault::Pause(_) => {
                let servers = &self.brokers.servers;
                Ok(self.struck.iter().try_for_each(|broker| servers[*broker].resume())?)
            }
            _ => Ok(self.brokers.start().await?),
        }
    }

    /// A broker that ends by itself is a fault of the broker, and no start is to hide it.
    async fn keep_up(&mut self) -> Result<Infallible> {
        pending().await
    }
}
