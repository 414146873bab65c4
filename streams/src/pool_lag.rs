//! The backlog of a pool, and who works at it: for persons, alerts and autoscalers alike.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use orders::Timestamp;
use serde::{Deserialize, Serialize};

use crate::inspect::durable_lag;
use crate::inspect_error::{InspectError, inspect_error};
use crate::limits::{BACKLOG_HEADERS_MAX, BACKLOG_SAMPLE};
use crate::presence::worker_states;
use crate::subjects::POOLS_STREAM;
use crate::topology::paused_consumers;
use crate::{
    Connection, Durable, Lag, Pool, PoolSetting, Requester, Setting, Step, StepKind, WorkerState,
    broker_time, durables, find_progress, setting_in_force,
};

/// What is answered about the backlog of a pool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PoolLag {
    /// Orders that its steps have not processed. What undoes is not among them.
    pub orders: u64,
    /// The age of the oldest.
    pub seconds: f64,
    /// The messages that hold them.
    pub messages: u64,
    /// Its workers that answer, whether they pull or not.
    pub workers: u64,
    /// How many it needs by its setting; `None` if that says nothing.
    pub wanted: Option<u32>,
    /// Whether it is paused, by its setting or because a consumer of it is paused by hand.
    pub paused: bool,
}

/// The backlog of a pool, its workers, and its setting.
#[derive(Debug, Clone)]
pub struct PoolBacklog {
    /// The orders that wait; `wanted` is `None`.
    pub lag: PoolLag,
    /// The messages that wait for what undoes, which goes on during a pause.
    pub undo: u64,
    /// What each of its workers reports, by the id of its service.
    pub workers: BTreeMap<String, WorkerState>,
    /// The setting in force.
    pub setting: PoolSetting,
}

/// How exactly orders are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counting {
    /// Each order, up to a backlog of 20,000 messages.
    Exact,
    /// By the first messages of a backlog, for those who look often.
    Estimate,
}

impl Counting {
    /// The body of a request for a backlog. An empty one, as the nats CLI sends, asks for each order.
    pub const fn request(self) -> &'static [u8] {
        match self {
            Self::Exact => b"",
            Self::Estimate => b"estimate",
        }
    }

    /// What a request with this body asks for.
    pub fn of_request(body: &[u8]) -> Self {
        if body == Self::Estimate.request() { Self::Estimate } else { Self::Exact }
    }
}

/// Computes the backlog of `pool`, which runs `steps`.
///
/// # Errors
/// The brokers do not reply.
pub async fn pool_backlog(
    connection: &Connection,
    pool: Pool,
    steps: &[Step],
    counting: Counting,
) -> Result<PoolBacklog, InspectError> {
    let (undo, steps): (Vec<Step>, Vec<Step>) =
        steps.iter().partition(|step| step.kind == StepKind::Undo);
    let requester = Requester::new(connection.clone());
    let setting = async {
        let setting = setting_in_force::<PoolSetting>(&requester, pool.as_str()).await;
        setting.map(|(setting, _)| setting).map_err(|err| inspect_error(pool.as_str(), err))
    };
    let backlogs = try_join_all(steps.iter().map(|step| backlog(connection, step, counting)));
    let undo = try_join_all(undo.iter().map(|step| messages(connection, step)));
    let (backlogs, undo, workers, setting, held, now) = tokio::join!(
        backlogs,
        undo,
        worker_states(connection, pool),
        setting,
        paused_consumers(connection, &steps),
        broker_time::broker_time(connection, POOLS_STREAM),
    );
    let (backlogs, workers, setting, now) = (backlogs?, workers?, setting?, now?);
    let lag = PoolLag {
        orders: backlogs.iter().map(|backlog| backlog.orders).sum(),
        seconds: backlogs.iter().map(|backlog| backlog.seconds).fold(0.0, f64::max),
        messages: backlogs.iter().map(|backlog| backlog.messages).sum(),
        workers: workers.len() as u64,
        wanted: None,
        paused: setting.is_paused_at(Some(now)) || !held?.is_empty(),
    };
    Ok(PoolBacklog { lag, undo: undo?.iter().sum(), workers, setting })
}

/// What waits for one step.
struct Backlog {
    orders: u64,
    messages: u64,
    /// The age of the oldest order.
    seconds: f64,
}

/// The orders of a step that wait, with those whose retry is due, and their messages.
async fn backlog(
    connection: &Connection,
    step: &Step,
    counting: Counting,
) -> Result<Backlog, InspectError> {
    let headers_max = match counting {
        Counting::Exact => BACKLOG_HEADERS_MAX,
        Counting::Estimate => BACKLOG_SAMPLE,
    };
    let (events, retries) = (step.events(), step.retries());
    let durables = durables(connection, &events).await?;
    let lags = durables.iter().map(|durable| aged_lag(connection, durable, headers_max));
    let (lags, events, retries) = tokio::join!(
        try_join_all(lags),
        find_progress(connection, &events),
        find_progress(connection, &retries),
    );
    let (lags, events, retries) =
        (lags?, events?.unwrap_or_default(), retries?.unwrap_or_default());
    let retries = retries.unfinished();
    Ok(Backlog {
        orders: lags.iter().map(|(orders, _)| orders).sum::<u64>() + retries,
        messages: events.unfinished() + retries,
        seconds: lags.iter().map(|(_, seconds)| *seconds).fold(0.0, f64::max),
    })
}

/// The orders that wait for a durable, and the age of the oldest. That is by the broker that leads its stream, which
/// has written the time into the message: the clocks of two brokers differ.
async fn aged_lag(
    connection: &Connection,
    durable: &Durable,
    headers_max: usize,
) -> Result<(u64, f64), InspectError> {
    let Lag { orders, oldest_at_ms } = durable_lag(connection, durable, headers_max).await?;
    let Some(oldest) = oldest_at_ms else { return Ok((orders, 0.0)) };
    let now = broker_time::broker_time(connection, durable.stream).await?;
    Ok((orders, seconds_between(oldest, now)))
}

/// The messages of a step that wait, with those whose retry is due.
async fn messages(connection: &Connection, step: &Step) -> Result<u64, InspectError> {
    let (events, retries) = (step.events(), step.retries());
    let sources = [&events, &retries].map(|source| find_progress(connection, source));
    let progress = try_join_all(sources).await?.into_iter().flatten();
    Ok(progress.map(|progress| progress.unfinished()).sum())
}

fn seconds_between(earlier: Timestamp, later: Timestamp) -> f64 {
    // One division is rounded once: 1.382, and not 1.3820000000000001.
    (later.as_millis() - earlier.as_millis()).max(0) as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_says_how_exactly_orders_are_counted() {
        for counting in [Counting::Exact, Counting::Estimate] {
            assert_eq!(Counting::of_request(counting.request()), counting);
        }
        assert_eq!(Counting::of_request(b"anything"), Counting::Exact);
    }
}
