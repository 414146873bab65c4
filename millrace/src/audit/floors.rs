//! How far the durables have come: an audit begins when all have passed the stream's end.

use std::time::Duration;

use anyhow::{Result, bail};
use streams::{Connection, Step, names, position, stream_state};
use tokio::time::{Instant, sleep};

/// A message of a killed worker comes again after 30 s, and may do so through several steps.
const PATIENCE: Duration = Duration::from_mins(5);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Waits until every durable of the stream of orders is done with all up to `end`.
pub(super) async fn pass(connection: &Connection, end: u64) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    for step in Step::ALL {
        loop {
            let position = position(connection, &step.events()).await?;
            if position.is_at_end() || position.ack_floor >= end {
                break;
            }
            if Instant::now() > deadline {
                bail!(
                    "{step} is stuck before the stream's end: {} messages wait and {} are held; \
                     is a {} worker running?",
                    position.messages_waiting,
                    position.messages_held,
                    step.pool(),
                );
            }
            sleep(LOOK_EVERY).await;
        }
    }
    Ok(())
}

/// Waits until nothing is on its way anywhere.
pub(super) async fn rest(connection: &Connection) -> Result<()> {
    if wait_quiescent(connection, PATIENCE).await {
        return Ok(());
    }
    bail!("orders do not come to rest: see `millrace status`")
}

/// Waits until nothing is on its way anywhere, up to `patience`. Tells whether that is so.
pub async fn wait_quiescent(connection: &Connection, patience: Duration) -> bool {
    let deadline = Instant::now() + patience;
    // Brokers that elect a leader cannot say; then it is not known to be quiet.
    while !are_quiet(connection).await.unwrap_or(false) {
        if Instant::now() > deadline {
            return false;
        }
        sleep(LOOK_EVERY).await;
    }
    true
}

/// Whether nothing is on its way anywhere.
pub(super) async fn are_quiet(connection: &Connection) -> Result<bool> {
    for step in Step::ALL {
        if !position(connection, &step.events()).await?.is_at_end() {
            return Ok(false);
        }
    }
    Ok(stream_state(connection, names::RETRIES).await?.messages == 0)
}
