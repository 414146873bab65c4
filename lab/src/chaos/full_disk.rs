//! A broker whose disk is full: it disables JetStream, and serves its clients without until an operator
//! frees space and restarts it.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tokio::time::{Instant, sleep};

use crate::servers::Brokers;

/// What a broker logs when a write fails because the disk is full.
const DISABLED: &str = "resources, will be DISABLED";
/// A broker writes with every message; one that is not reached by any until an election is over writes
/// then.
const NOTICED_WITHIN: Duration = Duration::from_mins(1);
const RETRY_DELAY: Duration = Duration::from_millis(100);

/// Fills the disk of a broker's store until the broker has disabled JetStream.
pub(super) async fn fill(brokers: &Brokers, broker: usize) -> Result<()> {
    let log = brokers.servers[broker].log();
    let disabled = || {
        let log = std::fs::read(&log).context("reading a broker's log")?;
        Ok::<_, anyhow::Error>(String::from_utf8_lossy(&log).matches(DISABLED).count())
    };
    let before = disabled()?;
    let deadline = Instant::now() + NOTICED_WITHIN;
    while disabled()? == before {
        if Instant::now() > deadline {
            bail!("{} stores messages on a full disk", brokers.servers[broker].name());
        }
        // Again and again: the broker deletes files, too.
        ensure!(brokers.fill_disk(broker)?, "the stores have no disks of their own");
        sleep(RETRY_DELAY).await;
    }
    Ok(())
}

/// Frees space and restarts the broker, as an operator would do.
pub(super) async fn free(brokers: &mut Brokers, broker: usize) -> Result<()> {
    brokers.free_disk(broker)?;
    brokers.servers[broker].stop().await?;
    Ok(brokers.start().await?)
}
