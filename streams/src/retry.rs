//! Delayed retry of a single record. The broker holds the schedule, so the retry happens even if
//! all workers restart, and it does not block the other records of the batch.

use std::time::{Duration, SystemTime};

use async_nats::header::{NATS_SCHEDULE, NATS_SCHEDULE_TARGET};
use bytes::Bytes;
use orders::Timestamp;
use rand::RngExt;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::limits::{
    ERROR_BYTES_MAX, POSTPONE_MAX, RETRY_ATTEMPTS_MAX, RETRY_BACKOFF_MAX, RETRY_BACKOFF_MIN,
    UNSUPPORTED_MAX,
};
use crate::outbound::{Destination, content_id};
use crate::record::truncate;
use crate::{DeliveryHistory, Origin, OutboundMessage, Record, Step, subjects};

/// The JSON body of a message in the stream of retries.
#[derive(Serialize, Deserialize)]
struct ScheduledRetry<'a> {
    #[serde(flatten)]
    history: DeliveryHistory,
    #[serde(borrow)]
    error: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    record: &'a serde_json::value::RawValue,
}

/// The message that schedules a retry of `record` at `step`, and counts a failed attempt. `None` if
/// no attempt is left, or if the record is not an event. `now` is the broker's time.
pub fn schedule(
    step: &Step,
    record: &Record,
    error: &str,
    now: Timestamp,
) -> Option<OutboundMessage> {
    let attempts = record.history.attempts + 1;
    let history = DeliveryHistory { attempts, ..record.history.clone() };
    if attempts >= RETRY_ATTEMPTS_MAX {
        return None;
    }
    after_backoff(step, record, (history, attempts), error, now)
}

/// The message that schedules `record` at `step` for another worker, whose version may be newer. `None` if
/// too many could not process it, or if the record is not an event. `now` is the broker's time.
pub fn unsupported(
    step: &Step,
    record: &Record,
    error: &str,
    now: Timestamp,
) -> Option<OutboundMessage> {
    let unsupported = record.history.unsupported + 1;
    let history = DeliveryHistory { unsupported, ..record.history.clone() };
    if unsupported >= UNSUPPORTED_MAX {
        return None;
    }
    after_backoff(step, record, (history, unsupported), error, now)
}

/// The message that schedules `record` at `step` again without counting an attempt, because none
/// was made: a dependency is unavailable. `None` if the record is not an event. `now` is the broker's
/// time.
pub fn postpone(
    step: &Step,
    record: &Record,
    error: &str,
    now: Timestamp,
) -> Option<OutboundMessage> {
    let delay = rand::rng().random_range(Duration::ZERO..=POSTPONE_MAX);
    delayed(step, record, error, SystemTime::from(now) + delay)
}

/// The message that sends `record` to `step` again after `delay`, without counting an attempt: what
/// the step waits for has not happened yet. `None` if the record is not an event. `now` is the
/// broker's time.
pub fn wait(
    step: &Step,
    record: &Record,
    delay: Duration,
    now: Timestamp,
) -> Option<OutboundMessage> {
    delayed(step, record, "waiting", SystemTime::from(now) + delay)
}

/// The message that sends `record` to `step` immediately, and to no other step; `id` distinguishes
/// it from any earlier one. `None` if the record is not JSON, so that no step could parse it.
pub(crate) fn immediate(
    step: &Step,
    history: DeliveryHistory,
    record: &str,
    id: &str,
) -> Option<OutboundMessage> {
    let retry =
        ScheduledRetry { history, error: "".into(), record: serde_json::from_str(record).ok()? };
    let payload = serde_json::to_vec(&retry).ok()?;
    let destination = Destination::Stream(subjects::RETRIES, step.retry_subject());
    Some(OutboundMessage::with_id(destination, payload.into(), id))
}

/// The message that schedules `record` with another history, after a back-off for so many failures.
fn after_backoff(
    step: &Step,
    record: &Record,
    (history, failures): (DeliveryHistory, u32),
    error: &str,
    now: Timestamp,
) -> Option<OutboundMessage> {
    let due = SystemTime::from(now) + backoff(failures);
    delayed(step, &Record { history, ..record.clone() }, error, due)
}

fn delayed(step: &Step, record: &Record, error: &str, due: SystemTime) -> Option<OutboundMessage> {
    let order = record.order_id()?;
    let at = OffsetDateTime::from(due).format(&Rfc3339).ok()?;
    let retry = ScheduledRetry {
        history: record.history.clone(),
        error: truncate(error, ERROR_BYTES_MAX).into(),
        record: serde_json::from_slice(&record.line).ok()?,
    };
    let subject = step.schedule_subject(order, &schedule_name(record));
    // Without `Nats-Msg-Id`: within its de-duplication window the broker would drop a repeated
    // schedule, and the subject already ensures that there is only one.
    let mut message = OutboundMessage::without_dedup_id(
        Destination::Stream(subjects::RETRIES, subject),
        serde_json::to_vec(&retry).ok()?.into(),
    );
    message.headers.insert(NATS_SCHEDULE, format!("@at {at}").as_str());
    message.headers.insert(NATS_SCHEDULE_TARGET, step.retry_subject().as_str());
    Some(message)
}

/// Names a record among those of its order by content and origin. Copies of it keep their own schedules
/// and count their own attempts: else the later schedule would replace the earlier one, with fewer
/// attempts.
fn schedule_name(record: &Record) -> String {
    let Origin { stream, sequence } = &record.history.origin;
    format!("{}-{stream}-{sequence}", &content_id(&record.line)[..8])
}

/// The record in `payload`, a scheduled retry that is due. A payload that cannot be parsed is taken
/// as the record itself, and the step then finds that it is not an event.
pub(crate) fn parse_due(payload: &Bytes, delivered: DeliveryHistory) -> Record {
    let stored_at = delivered.first_at;
    match serde_json::from_slice::<ScheduledRetry<'_>>(payload) {
        Ok(ScheduledRetry { history, record, .. }) => {
            Record { line: payload.slice_ref(record.get().as_bytes()), history, stored_at }
        }
        Err(_) => Record { line: payload.clone(), history: delivered, stored_at },
    }
}

/// Exponential back-off with equal jitter: half of the limit, plus a random part of the other half,
/// so that retries spread out and none is immediate (M. Brooker, Exponential Backoff and Jitter,
/// 2015).
fn backoff(attempts: u32) -> Duration {
    let factor = 2_u32.saturating_pow(attempts.saturating_sub(1));
    let limit = RETRY_BACKOFF_MIN.saturating_mul(factor).min(RETRY_BACKOFF_MAX);
    rand::rng().random_range(limit / 2..=limit)
}

#[cfg(test)]
mod tests {
    use async_nats::header::NATS_MESSAGE_ID;
    use orders::{EventKind, OrderId};
    use serde_json::json;

    use super::*;
    use crate::{Pool, StepKind, dead_letter};

    fn record(attempts: u32, first_at: Timestamp) -> Record {
        let origin = Origin { stream: "ORDERS_1".to_owned(), sequence: 7 };
        let order_id = OrderId::from_bytes([7; 16]);
        let line = Bytes::from(format!(r#"{{"order_id":"{order_id}", "spaced" : 1}}"#));
        let history = DeliveryHistory { attempts, ..DeliveryHistory::new(origin, first_at) };
        Record { line, history, stored_at: now() }
    }

    fn now() -> Timestamp {
        SystemTime::now().into()
    }

    const CHARGE: Step = Step {
        name: "charge",
        pool: Pool::new("payment"),
        kind: StepKind::Action,
        consumes: &[EventKind::Reserved],
    };

    #[test]
    fn a_retried_record_keeps_its_bytes_and_counts_one_more_attempt() {
        let record = record(0, now());
        let message = schedule(&CHARGE, &record, "the \"provider\" failed", now()).unwrap();
        let due = parse_due(&message.payload, record.history.clone());
        assert_eq!(due.line, record.line);
        assert_eq!(due.history, DeliveryHistory { attempts: 1, ..record.history });
    }

    #[test]
    fn a_scheduled_retry_has_the_json_keys_of_its_wire_format() {
        let record = record(0, now());
        let message = schedule(&CHARGE, &record, "it failed", now()).unwrap();
        let body: serde_json::Value = serde_json::from_slice(message.payload()).unwrap();
        let expected = json!({
            "origin": {"stream": "ORDERS_1", "sequence": 7},
            "first_at_ms": record.history.first_at.as_millis(),
            "tries": 1,
            "replays": 0,
            "error": "it failed",
            "record": {"order_id": OrderId::from_bytes([7; 16]), "spaced": 1},
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn a_dead_letter_has_the_json_keys_of_its_wire_format() {
        let record = record(3, Timestamp::from_millis(1_795_151_246_000));
        let message =
            dead_letter::message(&CHARGE, dead_letter::Reason::Poison, &record, "it failed");
        let body: serde_json::Value = serde_json::from_slice(message.payload()).unwrap();
        let expected = json!({
            "step": "charge",
            "reason": "poison",
            "error": "it failed",
            "origin": {"stream": "ORDERS_1", "sequence": 7},
            "first_at_ms": 1_795_151_246_000_i64,
            "tries": 3,
            "replays": 0,
            // The time of the failure.
            "last_at_ms": body["last_at_ms"].as_i64().unwrap(),
            "record": std::str::from_utf8(&record.line).unwrap(),
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn a_schedule_replaces_that_of_its_own_record_and_not_that_of_a_copy() {
        let stored_at = |sequence, attempts| {
            let mut record = record(attempts, now());
            record.history.origin.sequence = sequence;
            match schedule(&CHARGE, &record, "it failed", now()).unwrap().destination {
                Destination::Stream(_, subject) => subject,
                Destination::Lanes(_) => panic!("a retry is in no lane"),
            }
        };
        assert_eq!(stored_at(7, 0), stored_at(7, 5));
        assert_ne!(stored_at(7, 5), stored_at(8, 0));
    }

    #[test]
    fn copies_of_a_record_have_one_dead_letter_and_each_replay_has_its_own() {
        let id = |sequence, replays| {
            let mut record = record(3, now());
            record.history.origin.sequence = sequence;
            record.history.replays = replays;
            let message =
                dead_letter::message(&CHARGE, dead_letter::Reason::Poison, &record, "it failed");
            message.headers.get(NATS_MESSAGE_ID).unwrap().as_str().to_owned()
        };
        assert_eq!(id(7, 0), id(8, 0));
        assert_ne!(id(7, 0), id(7, 1));
    }

    #[test]
    fn a_postponed_record_counts_no_attempt() {
        let record = record(RETRY_ATTEMPTS_MAX - 1, now());
        let message = postpone(&CHARGE, &record, "it is unavailable", now()).unwrap();
        assert_eq!(parse_due(&message.payload, record.history.clone()).history, record.history);
    }

    #[test]
    fn no_retry_is_scheduled_after_twelve_attempts_however_old_the_record_is() {
        let long_ago = Timestamp::from_millis(1_000);
        let is_retried = |attempts| schedule(&CHARGE, &record(attempts, long_ago), "", now());
        assert!(is_retried(RETRY_ATTEMPTS_MAX - 2).is_some());
        assert!(is_retried(RETRY_ATTEMPTS_MAX - 1).is_none());
    }

    #[test]
    fn an_unsupported_record_waits_for_a_newer_version_and_counts_no_attempt() {
        let mut record = record(RETRY_ATTEMPTS_MAX - 1, now());
        let mut times = 0;
        while let Some(message) = unsupported(&CHARGE, &record, "unknown", now()) {
            let due = parse_due(&message.payload, record.history.clone());
            assert_eq!(due.history.attempts, record.history.attempts);
            record.history = due.history;
            times += 1;
        }
        assert_eq!(times, UNSUPPORTED_MAX - 1);
    }

    #[test]
    fn a_retry_is_due_at_a_time_that_is_counted_from_the_brokers() {
        let broker_time = Timestamp::from_millis(1_795_151_246_000);
        let due_ms = |message: OutboundMessage| {
            let schedule = message.headers.get(NATS_SCHEDULE).unwrap().as_str().to_owned();
            let at = OffsetDateTime::parse(schedule.strip_prefix("@at ").unwrap(), &Rfc3339);
            Timestamp::from(SystemTime::from(at.unwrap())).as_millis() - broker_time.as_millis()
        };
        let min_ms = RETRY_BACKOFF_MIN.as_millis() as i64;
        let retry = schedule(&CHARGE, &record(0, now()), "", broker_time).unwrap();
        assert!((min_ms / 2..=min_ms).contains(&due_ms(retry)));
        let postponed = postpone(&CHARGE, &record(0, now()), "", broker_time).unwrap();
        assert!((0..=POSTPONE_MAX.as_millis() as i64).contains(&due_ms(postponed)));
    }

    #[test]
    fn every_delay_is_within_its_growing_limit() {
        for attempts in 1..=u32::from(u8::MAX) {
            assert!((RETRY_BACKOFF_MIN / 2..=RETRY_BACKOFF_MAX).contains(&backoff(attempts)));
        }
        assert!((0..100).all(|_| backoff(1) <= RETRY_BACKOFF_MIN));
        assert!((0..100).all(|_| backoff(20) >= RETRY_BACKOFF_MAX / 2));
    }
}
