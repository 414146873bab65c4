//! Consumer progress. Before an audit starts, every durable consumer has processed its lane up to the
//! end that it had at that time.

use std::time::Duration;

use anyhow::{Result, bail};
use streams::{
    Connection, LaneEnds, Step, find_progress, find_stream_state, has_processed, lane_ends,
    subjects, worker_presence,
};
use tokio::time::{Instant, sleep};
use workers::stages;

use crate::limits::{CATCH_UP_TIMEOUT, QUIESCENCE_POLL_INTERVAL};

/// Waits until every durable consumer of a lane has processed all messages up to `end`:
/// those of the pools that orders pass, and those of observers that are running.
///
/// # Errors
/// A consumer does not get there within [`CATCH_UP_TIMEOUT`].
pub(super) async fn wait_caught_up(connection: &Connection, end: &LaneEnds) -> Result<()> {
    let deadline = Instant::now() + CATCH_UP_TIMEOUT;
    let running = worker_presence(connection, &stages::pools()).await?.workers;
    let is_running = |step: &Step| running.get(step.pool.as_str()).is_some_and(|count| *count > 0);
    for step in stages::steps() {
        if step.is_observer() && !is_running(&step) {
            continue;
        }
        loop {
            let position = answered(deadline, async || {
                // A consumer that is missing has a problem of its own in the report.
                let has_processed = has_processed(connection, &step.events(), end).await?;
                Ok(find_progress(connection, &step.events()).await?.filter(|_| !has_processed))
            });
            let Some(position) = position.await? else { break };
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

/// The last message of each lane.
///
/// # Errors
/// The leader of a lane does not answer within [`CATCH_UP_TIMEOUT`].
pub(super) async fn ends(connection: &Connection) -> Result<LaneEnds> {
    let deadline = Instant::now() + CATCH_UP_TIMEOUT;
    answered(deadline, async || Ok(lane_ends(connection).await?)).await
}

/// Asks until the brokers answer: during a leader election they do not.
async fn answered<T>(deadline: Instant, ask: impl AsyncFn() -> Result<T>) -> Result<T> {
    loop {
        match ask().await {
            Err(_) if Instant::now() < deadline => sleep(QUIESCENCE_POLL_INTERVAL).await,
            answer => return answer,
        }
    }
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
