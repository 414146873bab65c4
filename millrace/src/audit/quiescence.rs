//! Consumer progress. Before an audit starts, every durable consumer has processed the stream up to
//! the end that it had at that time.

use std::time::Duration;

use anyhow::{Result, bail};
use streams::{Connection, Step, find_progress, find_stream_state, subjects, worker_presence};
use tokio::time::{Instant, sleep};
use workers::stages;

use crate::limits::{CATCH_UP_TIMEOUT, QUIESCENCE_POLL_INTERVAL};

/// Waits until every durable consumer of the order stream has processed all messages up to `end`:
/// those of the pools that orders pass, and those of observers that are running.
///
/// # Errors
/// A consumer does not get there within [`CATCH_UP_TIMEOUT`].
pub(super) async fn wait_caught_up(connection: &Connection, end: u64) -> Result<()> {
    let deadline = Instant::now() + CATCH_UP_TIMEOUT;
    let running = worker_presence(connection, &stages::pools()).await?.workers;
    let is_running = |step: &Step| running.get(step.pool.as_str()).is_some_and(|count| *count > 0);
    for step in stages::steps() {
        if step.is_observer() && !is_running(&step) {
            continue;
        }
        loop {
            // A consumer that is missing has a problem of its own in the report.
            let Some(position) = find_progress(connection, &step.events()).await? else { break };
            if position.is_at_end() || position.ack_floor >= end {
                break;
            }
            if Instant::now() > deadline {
                bail!(
                    "step {step} did not reach the end of the stream: {} messages pending, {} held \
                     by workers; is a {} worker running?",
                    position.messages_waiting,
                    position.messages_held,
                    step.pool,
                );
            }
            sleep(QUIESCENCE_POLL_INTERVAL).await;
        }
    }
    Ok(())
}

/// Waits until the cluster is quiescent.
///
/// # Errors
/// It is not quiescent within [`CATCH_UP_TIMEOUT`].
pub(super) async fn require_quiescent(connection: &Connection) -> Result<()> {
    if wait_quiescent(connection, CATCH_UP_TIMEOUT).await {
        return Ok(());
    }
    bail!("orders are still in flight after the timeout: see `millrace status`")
}

/// Waits up to `timeout` until the cluster is quiescent: no event is unprocessed and no retry is
/// scheduled. Returns whether it is.
pub async fn wait_quiescent(connection: &Connection, timeout: Duration) -> bool {
    let deadline = Instant::now() + timeout;
    // During a leader election brokers do not answer: then the cluster counts as not quiescent.
    while !is_quiescent(connection).await.unwrap_or(false) {
        if Instant::now() > deadline {
            return false;
        }
        sleep(QUIESCENCE_POLL_INTERVAL).await;
    }
    true
}

/// Whether no event is unprocessed and no retry is scheduled. While a stream or a consumer is
/// missing, that is unknown. No order waits for an observer.
pub(super) async fn is_quiescent(connection: &Connection) -> Result<bool> {
    for step in stages::steps().iter().filter(|step| !step.is_observer()) {
        let position = find_progress(connection, &step.events()).await?;
        if !position.is_some_and(|position| position.is_at_end()) {
            return Ok(false);
        }
    }
    let retries = find_stream_state(connection, subjects::RETRIES).await?;
    Ok(retries.is_some_and(|retries| retries.messages == 0))
}
