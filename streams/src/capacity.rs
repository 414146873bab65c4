//! Bounds the stream of orders: when new orders, and requests about orders, must be rejected.

use std::time::Duration;

use crate::broker_time::broker_time;
use crate::inspect::{InspectError, consumer_progress, inspect_error, stream_state};
use crate::limits::{ADMISSION_PERCENT_MAX, REQUESTS_PERCENT_MAX};
use crate::{Connection, Step, subjects};
use async_nats::jetstream::stream::DirectGetErrorKind;
use orders::{EventKind, Timestamp};

/// What is admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// New orders are admitted.
    Open,
    /// The stream is so full that the remaining space is reserved for the orders that are in it, and
    /// for requests about them.
    StreamFull,
    /// The stream is so full that the remaining space is reserved for the outcomes of steps.
    OutcomesOnly,
    /// The oldest unprocessed order has been waiting for inventory for too long.
    BacklogTooOld,
}

/// Whether new orders can be admitted. `first` is the step that every order passes first, and
/// `backlog_max` is how long the oldest order may wait for it.
pub async fn admission(
    connection: &Connection,
    first: &Step,
    backlog_max: Duration,
) -> Result<Admission, InspectError> {
    let state = stream_state(connection, subjects::ORDERS).await?;
    let fills = |percent| state.bytes_max.is_some_and(|max| state.bytes * 100 >= max * percent);
    if fills(REQUESTS_PERCENT_MAX) {
        return Ok(Admission::OutcomesOnly);
    }
    if fills(ADMISSION_PERCENT_MAX) {
        return Ok(Admission::StreamFull);
    }
    let oldest = match consumer_progress(connection, &first.events()).await? {
        position if position.is_at_end() => None,
        position => created_after(connection, position.ack_floor).await?,
    };
    let Some(oldest) = oldest else { return Ok(Admission::Open) };
    let now = broker_time(connection, subjects::ORDERS).await?;
    let is_behind = is_older(oldest, now, backlog_max);
    Ok(if is_behind { Admission::BacklogTooOld } else { Admission::Open })
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
