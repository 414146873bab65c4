//! The purge of a lane: which messages no step needs any longer.

use std::time::{Duration, SystemTime};

use async_nats::jetstream::consumer::DeliverPolicy;
use time::OffsetDateTime;

use crate::broker_time::broker_time;
use crate::inspect::{find_stream, step_progress, stream_state};
use crate::inspect_error::{InspectError, inspect_error};
use crate::limits::{PURGE_PRESSURE_PERCENT, RETENTION, RETENTION_UNDER_PRESSURE};
use crate::{Connection, Lane, Step, StreamState, message_headers};

/// How long messages are kept after every step has processed them.
#[derive(Debug, Clone, Copy)]
pub struct Retention {
    /// Below the pressure limit.
    pub normal: Duration,
    /// Above it, when the stream is filling up.
    pub under_pressure: Duration,
}

/// What can be purged from a lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurgePlan {
    /// The lane.
    pub lane: Lane,
    /// The first sequence number that is kept; `None` if there is nothing to purge.
    pub keep_from: Option<u64>,
    /// The messages that observers will miss.
    pub missed: Vec<MissedMessages>,
}

/// Messages that are purged before an observer has processed them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissedMessages {
    /// The name of the step.
    pub step: &'static str,
    /// The lane that they were in.
    pub lane: Lane,
    /// The first sequence number that it may not have processed.
    pub first: u64,
    /// The last one.
    pub last: u64,
}

impl Default for Retention {
    /// A day, and ten minutes under pressure.
    fn default() -> Self {
        Self { normal: RETENTION, under_pressure: RETENTION_UNDER_PRESSURE }
    }
}

/// Finds the messages of `lane` that every step of `steps` has processed and that are older than `retention`
/// allows. Under pressure no observer holds them back: what it will miss is in the plan.
pub async fn plan_purge(
    connection: &Connection,
    lane: Lane,
    retention: Retention,
    steps: &[Step],
) -> Result<PurgePlan, InspectError> {
    let state = stream_state(connection, lane.stream()).await?;
    let is_under_pressure =
        state.bytes_max.is_some_and(|max| state.bytes * 100 >= max * PURGE_PRESSURE_PERCENT);
    let mut keep_from = state.last_sequence + 1;
    let mut observers = Vec::new();
    for step in steps {
        let Some(position) = step_progress(connection, step, lane).await? else { continue };
        if position.messages.is_at_end() {
            continue;
        }
        let needed_from = position.ack_floor + 1;
        if step.is_observer() && is_under_pressure {
            observers.push((step.name, needed_from.max(state.first_sequence)));
        } else {
            keep_from = keep_from.min(needed_from);
        }
    }
    let max_age = if is_under_pressure { retention.under_pressure } else { retention.normal };
    let recent = first_since(connection, lane, max_age).await?;
    Ok(plan(lane, &state, keep_from.min(recent), &observers))
}

/// Purges what `plan` says. Returns the number of messages. Safe to run in several processes
/// concurrently.
pub async fn purge(connection: &Connection, plan: &PurgePlan) -> Result<u64, InspectError> {
    let Some(keep_from) = plan.keep_from else { return Ok(0) };
    let purged = async {
        let stream = connection.jetstream.get_stream_no_info(plan.lane.stream()).await?;
        Ok::<_, async_nats::Error>(stream.purge().sequence(keep_from).await?.purged)
    };
    purged.await.map_err(|err| inspect_error(plan.lane.stream(), err))
}

impl PurgePlan {
    const fn nothing(lane: Lane) -> Self {
        Self { lane, keep_from: None, missed: Vec::new() }
    }
}

fn plan(
    lane: Lane,
    state: &StreamState,
    keep_from: u64,
    observers: &[(&'static str, u64)],
) -> PurgePlan {
    if keep_from <= state.first_sequence {
        return PurgePlan::nothing(lane);
    }
    let overtaken = observers.iter().filter(|(_, needed_from)| *needed_from < keep_from);
    let missed = overtaken
        .map(|(step, first)| MissedMessages { step, lane, first: *first, last: keep_from - 1 })
        .collect();
    PurgePlan { lane, keep_from: Some(keep_from), missed }
}

/// The sequence number of the first message that is younger than `age`; if all are older, of the last one.
async fn first_since(
    connection: &Connection,
    lane: Lane,
    age: Duration,
) -> Result<u64, InspectError> {
    let read = async {
        let info = find_stream(connection, lane.stream()).await?.ok_or("the stream is missing")?;
        let now = broker_time(connection, lane.stream()).await?;
        let start_time = OffsetDateTime::from(SystemTime::from(now) - age);
        // This is the leader's reply. A consumer may read from a replica that lags.
        if info.state.last_timestamp < start_time {
            return Ok(info.state.last_sequence);
        }
        let stream = connection.jetstream.get_stream_no_info(lane.stream()).await?;
        let from = DeliverPolicy::ByStartTime { start_time };
        let headers = message_headers::read(&stream, from, &[], 1).await?;
        Ok::<_, async_nats::Error>(headers.first().map_or(0, |header| header.sequence))
    };
    read.await.map_err(|err| inspect_error(lane.stream(), err))
}
