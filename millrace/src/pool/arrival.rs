//! Waits until a setting has arrived at the workers of its pool.

use std::fmt;

use anyhow::Result;
use streams::{Connection, Pool, worker_presence};
use tokio::time::Instant;

use crate::limits::SETTING_ARRIVAL_TIMEOUT;

/// At how many workers a setting is in force.
pub(super) struct Arrival {
    workers: usize,
    arrived: usize,
}

impl Arrival {
    /// Whether it is in force at all workers that answer.
    pub(super) const fn is_complete(&self) -> bool {
        self.arrived == self.workers
    }
}

impl fmt::Display for Arrival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { workers, arrived } = self;
        match workers {
            0 => f.write_str("no worker of the pool answers; one that starts does what is set"),
            _ => write!(f, "in force at {arrived} of {workers} workers"),
        }
    }
}

/// Waits until the workers of `pool` report this revision, and no later one of a bucket that is gone.
pub(super) async fn wait(connection: &Connection, pool: Pool, revision: u64) -> Result<Arrival> {
    let deadline = Instant::now() + SETTING_ARRIVAL_TIMEOUT;
    loop {
        let present = worker_presence(connection, &[pool]).await?;
        let arrived = present.reports.iter().filter(|(_, it)| it.pull.revision == revision);
        let arrival = Arrival { workers: present.reports.len(), arrived: arrived.count() };
        if arrival.is_complete() || Instant::now() > deadline {
            return Ok(arrival);
        }
    }
}
