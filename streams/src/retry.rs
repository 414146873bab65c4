//! Another try for one record, later: it waits in the broker, so that it happens also when every
//! worker is gone meanwhile, and holds back nothing that travelled with it.

use std::time::{Duration, SystemTime};

use async_nats::header::{NATS_MESSAGE_ID, NATS_SCHEDULE, NATS_SCHEDULE_TARGET};
use bytes::Bytes;
use orders::OrderId;
use rand::RngExt;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::outgoing::content_id;
use crate::{DeliveryHistory, OutboundMessage, Record, Step, dead_letter, names};

/// A record that failed this often becomes a dead letter: with the waits between, after minutes.
pub const ATTEMPTS_MAX: u32 = 12;
/// A record older than this becomes a dead letter.
pub const DEADLINE: Duration = Duration::from_hours(24);
const BACKOFF_MIN: Duration = Duration::from_millis(200);
const BACKOFF_MAX: Duration = Duration::from_mins(1);
/// Long enough that thousands that wait for the same thing are no load, short enough that nobody
/// notices when it is back.
const POSTPONE_MAX: Duration = Duration::from_secs(10);

/// How a record stands in a message of the stream of retries.
#[derive(Serialize, Deserialize)]
struct ScheduledRetry<'a> {
    #[serde(flatten)]
    history: DeliveryHistory,
    #[serde(borrow)]
    error: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    record: &'a serde_json::value::RawValue,
}

/// The message that lets `record` come back to `step` after a while. `None` where no try is left.
pub fn schedule(
    step: Step,
    order: OrderId,
    record: &Record,
    error: &str,
) -> Option<OutboundMessage> {
    let history =
        DeliveryHistory { attempts: record.history.attempts + 1, ..record.history.clone() };
    if history.attempts >= ATTEMPTS_MAX || is_past_deadline(&history, SystemTime::now()) {
        return None;
    }
    let wait = backoff(history.attempts);
    let record = Record { history, line: record.line.clone() };
    waiting(step, order, &record, error, wait)
}

/// The message that lets `record` come back to `step` after a while with all the tries that it has,
/// since none was made: what it needs is away. `None` where the record is no JSON.
pub fn postpone(
    step: Step,
    order: OrderId,
    record: &Record,
    error: &str,
) -> Option<OutboundMessage> {
    waiting(step, order, record, error, rand::rng().random_range(Duration::ZERO..=POSTPONE_MAX))
}

/// The message that brings `record` to `step` at once, and to no other step; `id` tells it from any
/// earlier one. `None` where the record is no JSON, so that no step could read it.
pub(crate) fn immediate(
    step: Step,
    history: DeliveryHistory,
    record: &str,
    id: &str,
) -> Option<OutboundMessage> {
    let waiting =
        ScheduledRetry { history, error: "".into(), record: serde_json::from_str(record).ok()? };
    let payload = serde_json::to_vec(&waiting).ok()?;
    let mut message = OutboundMessage::without_dedup_id(names::retry_subject(step), payload.into());
    message.headers.insert(NATS_MESSAGE_ID, id);
    Some(message)
}

fn waiting(
    step: Step,
    order: OrderId,
    record: &Record,
    error: &str,
    wait: Duration,
) -> Option<OutboundMessage> {
    let at = OffsetDateTime::from(SystemTime::now() + wait).format(&Rfc3339).ok()?;
    let waiting = ScheduledRetry {
        history: record.history.clone(),
        error: dead_letter::cut(error, dead_letter::ERROR_BYTES_MAX).into(),
        record: serde_json::from_slice(&record.line).ok()?,
    };
    let subject = names::schedule_subject(step, order, &content_id(&record.line)[..8]);
    // Without an id of its own: the broker's window of ids would swallow a schedule that is due
    // again, and the subject makes sure that there is only one.
    let mut message =
        OutboundMessage::without_dedup_id(subject, serde_json::to_vec(&waiting).ok()?.into());
    message.headers.insert(NATS_SCHEDULE, format!("@at {at}").as_str());
    message.headers.insert(NATS_SCHEDULE_TARGET, names::retry_subject(step).as_str());
    Some(message)
}

/// The record that `payload` holds, now that its time has come. What cannot be read is a record
/// as it stands, and the step finds that it is no event.
pub(crate) fn parse_due(payload: &Bytes, delivered: DeliveryHistory) -> Record {
    match serde_json::from_slice::<ScheduledRetry<'_>>(payload) {
        Ok(ScheduledRetry { history, record, .. }) => {
            Record { line: payload.slice_ref(record.get().as_bytes()), history }
        }
        Err(_) => Record { line: payload.clone(), history: delivered },
    }
}

/// Equal jitter: half of an exponentially growing limit, and anything up to the other half, so that failures
/// spread out and none is retried at once (M. Brooker, Exponential Backoff and Jitter, 2015).
fn backoff(attempts: u32) -> Duration {
    let limit =
        BACKOFF_MIN.saturating_mul(1 << attempts.saturating_sub(1).min(16)).min(BACKOFF_MAX);
    rand::rng().random_range(limit / 2..=limit)
}

fn is_past_deadline(history: &DeliveryHistory, now: SystemTime) -> bool {
    let first = SystemTime::UNIX_EPOCH + Duration::from_millis(history.first_at.as_millis() as u64);
    now.duration_since(first).is_ok_and(|age| age > DEADLINE)
}

#[cfg(test)]
mod tests {
    use orders::Timestamp;

    use super::*;
    use crate::Origin;

    fn record(attempts: u32, first_at: Timestamp) -> Record {
        let origin = Origin { stream: names::ORDERS.to_owned(), sequence: 7 };
        let line = Bytes::from_static(br#"{"order_id":"x", "spaced" : 1}"#);
        Record { line, history: DeliveryHistory { origin, first_at, attempts, replays: 0 } }
    }

    fn now() -> Timestamp {
        SystemTime::now().into()
    }

    fn order() -> OrderId {
        OrderId::from_bytes([7; 16])
    }

    #[test]
    fn a_record_comes_back_with_the_same_bytes_and_one_more_try() {
        let record = record(0, now());
        let message = schedule(Step::Charge, order(), &record, "the \"provider\" failed").unwrap();
        let parse_due = parse_due(&message.payload, record.history.clone());
        assert_eq!(parse_due.line, record.line);
        assert_eq!(parse_due.history, DeliveryHistory { attempts: 1, ..record.history });
    }

    #[test]
    fn a_postponed_record_keeps_its_tries_and_waits_for_ever() {
        let yesterday = Timestamp::from_millis(now().as_millis() - 25 * 60 * 60 * 1_000);
        let record = record(ATTEMPTS_MAX - 1, yesterday);
        let message = postpone(Step::Charge, order(), &record, "it is away").unwrap();
        assert_eq!(parse_due(&message.payload, record.history.clone()).history, record.history);
    }

    #[test]
    fn no_try_is_left_after_twelve_or_after_a_day() {
        assert!(schedule(Step::Charge, order(), &record(ATTEMPTS_MAX - 2, now()), "").is_some());
        assert!(schedule(Step::Charge, order(), &record(ATTEMPTS_MAX - 1, now()), "").is_none());
        let yesterday = Timestamp::from_millis(now().as_millis() - 25 * 60 * 60 * 1_000);
        assert!(schedule(Step::Charge, order(), &record(0, yesterday), "").is_none());
    }

    #[test]
    fn waits_stay_within_their_growing_limit() {
        for attempts in 1..=u32::from(u8::MAX) {
            assert!((BACKOFF_MIN / 2..=BACKOFF_MAX).contains(&backoff(attempts)));
        }
        assert!((0..100).all(|_| backoff(1) <= BACKOFF_MIN));
        assert!((0..100).all(|_| backoff(20) >= BACKOFF_MAX / 2));
    }
}
