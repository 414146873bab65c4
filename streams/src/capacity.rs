//! Bounds the stream of orders: when new orders must be rejected, and which messages can be purged.

use std::time::{Duration, SystemTime};

use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::stream::DirectGetErrorKind;
use orders::{EventKind, Timestamp};
use time::OffsetDateTime;

use crate::inspect::{InspectError, consumer_progress, inspect_error, stream_state};
use crate::{Connection, Step, message_headers, subjects};

/// From this fill level on, in per cent, new orders are rejected, so that those already in the
/// stream can complete: the later events of an order need about as much space again as its first.
pub const ADMISSION_PERCENT_MAX: u64 = 80;
/// From this fill level on, in per cent, processed messages are purged earlier.
const PRESSURE_PERCENT: u64 = 60;

/// How long messages are kept after every step has processed them.
#[derive(Debug, Clone, Copy)]
pub struct Retention {
    /// Below the pressure limit.
    pub normal: Duration,
    /// Above it, when the stream is filling up.
    pub under_pressure: Duration,
}

impl Default for Retention {
    /// Events are kept for a day, so that they can still be inspected the next morning. They are
    /// always kept for ten minutes: a consumer leader that lags behind the stream may report that
    /// it is at the end, but it does not remain leader while it lags this long.
    fn default() -> Self {
        Self { normal: Duration::from_hours(24), under_pressure: Duration::from_mins(10) }
    }
}

/// Whether new orders are admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// New orders are admitted.
    Open,
    /// The stream is so full that the remaining space is reserved for the orders that are in it.
    StreamFull,
    /// The oldest unprocessed order has been waiting for inventory for too long.
    BacklogTooOld,
}

/// Whether new orders can be admitted. `backlog_max` is how long the oldest order may wait for
/// inventory.
pub async fn admission(
    connection: &Connection,
    backlog_max: Duration,
) -> Result<Admission, InspectError> {
    let state = stream_state(connection, subjects::ORDERS).await?;
    if state.bytes_max.is_some_and(|max| state.bytes * 100 >= max * ADMISSION_PERCENT_MAX) {
        return Ok(Admission::StreamFull);
    }
    let source = Step::Reserve.events();
    let oldest = match consumer_progress(connection, &source).await? {
        position if position.is_at_end() => None,
        position => created_after(connection, position.ack_floor).await?,
    };
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_millis() as i64;
    let waited = oldest.map_or(0, |oldest| (now - oldest.as_millis()).max(0));
    let is_behind = waited as u128 > backlog_max.as_millis();
    Ok(if is_behind { Admission::BacklogTooOld } else { Admission::Open })
}

/// When the first batch of new orders after `sequence` was stored; `None` if there is none.
async fn created_after(
    connection: &Connection,
    sequence: u64,
) -> Result<Option<Timestamp>, InspectError> {
    let stream = connection.jetstream.get_stream_no_info(subjects::ORDERS).await;
    let stream = stream.map_err(|err| inspect_error(subjects::ORDERS, err))?;
    let subject = subjects::event_subject(EventKind::Created);
    match stream.direct_get_next_for_subject(subject, Some(sequence + 1)).await {
        Ok(message) => {
            let millis = message.time.unix_timestamp_nanos() / 1_000_000;
            Ok(Some(Timestamp::from_millis(millis as i64)))
        }
        Err(err) if err.kind() == DirectGetErrorKind::NotFound => Ok(None),
        Err(err) => Err(inspect_error(subjects::ORDERS, err)),
    }
}

/// Purges messages that every step has processed and that are older than `retention` allows.
/// Returns their number. Safe to run in several processes concurrently.
pub async fn purge_processed(
    connection: &Connection,
    retention: Retention,
) -> Result<u64, InspectError> {
    let state = stream_state(connection, subjects::ORDERS).await?;
    let mut needed_from = state.last_sequence + 1;
    for step in Step::ALL {
        let position = consumer_progress(connection, &step.events()).await?;
        if !position.is_at_end() {
            needed_from = needed_from.min(position.ack_floor + 1);
        }
    }
    let is_under_pressure =
        state.bytes_max.is_some_and(|max| state.bytes * 100 >= max * PRESSURE_PERCENT);
    let max_age = if is_under_pressure { retention.under_pressure } else { retention.normal };
    let purged = async {
        let stream = connection.jetstream.get_stream_no_info(subjects::ORDERS).await?;
        let start_time = OffsetDateTime::from(SystemTime::now() - max_age);
        let from = DeliverPolicy::ByStartTime { start_time };
        let recent = message_headers::read(&stream, from, &[], 1).await?;
        // Without a recent message a purge is not urgent, and the reply may be from a replica that
        // lags.
        let Some(first_recent) = recent.first() else { return Ok(0) };
        let needed_from = needed_from.min(first_recent.sequence);
        if needed_from <= state.first_sequence {
            return Ok(0);
        }
        Ok::<_, async_nats::Error>(stream.purge().sequence(needed_from).await?.purged)
    };
    purged.await.map_err(|err| inspect_error(subjects::ORDERS, err))
}
