//! Bounds a lane: when it must get no new orders, and no requests about orders.

use std::time::Duration;

use crate::broker_time::broker_time;
use crate::inspect::{find_durable_progress, stream_state};
use crate::inspect_error::{InspectError, inspect_error};
use crate::limits::{ADMISSION_PERCENT_MAX, REQUESTS_PERCENT_MAX};
use crate::{Admission, Connection, Durable, Lane, Step};
use async_nats::jetstream::stream::DirectGetErrorKind;
use orders::{EventKind, Timestamp};

/// What `lane` admits. `first` is the step that every order passes first, and `backlog_max` is how long
/// the oldest order may wait for it.
pub(crate) async fn admission(
    connection: &Connection,
    lane: Lane,
    first: &Step,
    backlog_max: Duration,
) -> Result<Admission, InspectError> {
    let state = stream_state(connection, lane.stream()).await?;
    let fills = |percent| state.bytes_max.is_some_and(|max| state.bytes * 100 >= max * percent);
    if fills(REQUESTS_PERCENT_MAX) {
        return Ok(Admission::OutcomesOnly);
    }
    if fills(ADMISSION_PERCENT_MAX) {
        return Ok(Admission::StreamFull);
    }
    let Some(durable) = first.events().in_lane(lane) else { return Ok(Admission::Open) };
    let Some(oldest) = oldest_waiting(connection, lane, &durable).await? else {
        return Ok(Admission::Open);
    };
    let now = broker_time(connection, lane.stream()).await?;
    let is_behind = is_older(oldest, now, backlog_max);
    Ok(if is_behind { Admission::BacklogTooOld } else { Admission::Open })
}

/// When the oldest batch of new orders was stored that `durable` has not processed.
async fn oldest_waiting(
    connection: &Connection,
    lane: Lane,
    durable: &Durable,
) -> Result<Option<Timestamp>, InspectError> {
    match find_durable_progress(connection, durable).await? {
        Some(position) if position.messages.is_at_end() => Ok(None),
        Some(position) => created_after(connection, lane, position.ack_floor).await,
        None => Err(inspect_error(&durable.to_string(), "the consumer does not exist")),
    }
}

/// Whether a message that was stored at `stored_at` is older than `age_max`. Both times are the
/// broker's, so that an edge's clock does not decide.
fn is_older(stored_at: Timestamp, now: Timestamp, age_max: Duration) -> bool {
    let age = now.as_millis() - stored_at.as_millis();
    // A message of a leader whose clock was ahead is new.
    u128::try_from(age).is_ok_and(|age| age > age_max.as_millis())
}

/// When the first batch of new orders after `sequence` was stored; `None` if there is none.
async fn created_after(
    connection: &Connection,
    lane: Lane,
    sequence: u64,
) -> Result<Option<Timestamp>, InspectError> {
    let stream = connection.jetstream.get_stream_no_info(lane.stream()).await;
    let stream = stream.map_err(|err| inspect_error(lane.stream(), err))?;
    let subject = lane.event_subject(EventKind::Created);
    match stream.direct_get_next_for_subject(subject, Some(sequence + 1)).await {
        Ok(message) => {
            let millis = message.time.unix_timestamp_nanos() / 1_000_000;
            Ok(Some(Timestamp::from_millis(millis as i64)))
        }
        Err(err) if err.kind() == DirectGetErrorKind::NotFound => Ok(None),
        Err(err) => Err(inspect_error(lane.stream(), err)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_too_old_once_it_is_older_than_the_limit() {
        let stored_at = Timestamp::from_millis(1_795_151_246_000);
        let is_old = |age_ms: i64| {
            let now = Timestamp::from_millis(stored_at.as_millis() + age_ms);
            is_older(stored_at, now, Duration::from_mins(10))
        };
        assert!(!is_old(600_000));
        assert!(is_old(600_001));
        let day_ms = 24 * 60 * 60 * 1_000;
        assert!(is_old(day_ms));
        assert!(!is_old(-day_ms), "the leader before had a clock that was ahead");
    }
}
