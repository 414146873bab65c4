//! Nothing fills up for ever: when intake has to stop, and what need not be kept any longer.

use std::time::{Duration, SystemTime};

use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::stream::DirectGetErrorKind;
use orders::{EventKind, Timestamp};
use time::OffsetDateTime;

use crate::look::{InspectError, inspect_error, position, stream_state};
use crate::{Connection, Step, headers, names};

/// From here on new orders are refused, so that what is in the stream can be carried to its end:
/// an order on its way adds about as much again as it brought.
pub const ADMISSION_PERCENT_MAX: u64 = 80;
/// From here on messages that are done with give way sooner.
const PRESSURE_PERCENT: u64 = 60;

/// How long messages stay that every step is done with.
#[derive(Debug, Clone, Copy)]
pub struct Retention {
    /// While there is room.
    pub usual: Duration,
    /// Where the stream gets full.
    pub pressed: Duration,
}

impl Default for Retention {
    /// What happened stays for a day, so that somebody may ask about it next morning. It stays for
    /// ten minutes in any case: a durable's leader that lags behind the stream may take itself to be
    /// at the end, but it does not lag this long and lead.
    fn default() -> Self {
        Self { usual: Duration::from_hours(24), pressed: Duration::from_mins(10) }
    }
}

/// Whether orders can be promised to be carried to their end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// They can.
    Open,
    /// The stream is so full that the rest belongs to the orders that are in it.
    StreamFull,
    /// Inventory has not taken up orders for so long that no more are promised.
    BacklogTooOld,
}

/// Whether orders can be taken in. `backlog_max` is how long the oldest of them may wait for
/// inventory.
pub async fn intake(
    connection: &Connection,
    backlog_max: Duration,
) -> Result<Admission, InspectError> {
    let state = stream_state(connection, names::ORDERS).await?;
    if state.bytes_max.is_some_and(|most| state.bytes * 100 >= most * ADMISSION_PERCENT_MAX) {
        return Ok(Admission::StreamFull);
    }
    let source = Step::Reserve.events();
    let oldest = match position(connection, &source).await? {
        position if position.is_at_end() => None,
        position => created_after(connection, position.ack_floor).await?,
    };
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_millis() as i64;
    let waited = oldest.map_or(0, |oldest| (now - oldest.as_millis()).max(0));
    let is_behind = waited as u128 > backlog_max.as_millis();
    Ok(if is_behind { Admission::BacklogTooOld } else { Admission::Open })
}

/// When the first orders after `sequence` were stored.
async fn created_after(
    connection: &Connection,
    sequence: u64,
) -> Result<Option<Timestamp>, InspectError> {
    let stream = connection.jetstream.get_stream_no_info(names::ORDERS).await;
    let stream = stream.map_err(|err| inspect_error(names::ORDERS, err))?;
    let subject = names::event_subject(EventKind::Created);
    match stream.direct_get_next_for_subject(subject, Some(sequence + 1)).await {
        Ok(message) => {
            let millis = message.time.unix_timestamp_nanos() / 1_000_000;
            Ok(Some(Timestamp::from_millis(millis as i64)))
        }
        Err(err) if err.kind() == DirectGetErrorKind::NotFound => Ok(None),
        Err(err) => Err(inspect_error(names::ORDERS, err)),
    }
}

/// Forgets messages that every step is done with and that are older than `retention` says. Tells
/// how many. May run anywhere, at the same time.
pub async fn purge_processed(
    connection: &Connection,
    retention: Retention,
) -> Result<u64, InspectError> {
    let state = stream_state(connection, names::ORDERS).await?;
    let mut needed_from = state.last_sequence + 1;
    for step in Step::ALL {
        let position = position(connection, &step.events()).await?;
        if !position.is_at_end() {
            needed_from = needed_from.min(position.ack_floor + 1);
        }
    }
    let is_pressed =
        state.bytes_max.is_some_and(|most| state.bytes * 100 >= most * PRESSURE_PERCENT);
    let kept_for = if is_pressed { retention.pressed } else { retention.usual };
    let forgotten = async {
        let stream = connection.jetstream.get_stream_no_info(names::ORDERS).await?;
        let start_time = OffsetDateTime::from(SystemTime::now() - kept_for);
        let young =
            headers::read(&stream, DeliverPolicy::ByStartTime { start_time }, &[], 1).await?;
        // Without a young message there is no hurry, and perhaps only a replica that lags.
        let Some(young) = young.first() else { return Ok(0) };
        let needed_from = needed_from.min(young.sequence);
        if needed_from <= state.first_sequence {
            return Ok(0);
        }
        Ok::<_, async_nats::Error>(stream.purge().sequence(needed_from).await?.purged)
    };
    forgotten.await.map_err(|err| inspect_error(names::ORDERS, err))
}
