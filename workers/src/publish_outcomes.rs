//! After processing: every outcome, retry and dead letter is stored before any message is acked.
//!
//! What the broker refuses for good holds back nothing else: everything else is published first. A
//! retry that is too large becomes a dead letter. A dead letter that is too large, or is refused for minutes,
//! is given up, with an error in the log, and its record stays where it was, in the stream of orders. Neither
//! does a stream of retries or dead letters that stores nothing: only the messages of the failed records stay.
//!
//! The delay of a retry is counted from the broker's time, which is asked for once for all records, and
//! only if there is a retry.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use orders::{Event, Timestamp};
use streams::dead_letter::{self, Reason};
use streams::{
    OutboundMessage, PublishError, Publisher, Record, Step, batch, failpoint, retry, subjects,
};

use crate::error_chain::error_chain;
use crate::limits::{FAILURE_PUBLISH_TIMEOUT, GIVE_UP_FROM_DELIVERY, PUBLISH_TIMEOUT};
use crate::step_input::StepOutcome;

/// A record that a step did not complete, and what happens to it.
struct Failed<'a> {
    index: usize,
    record: &'a Record,
    /// How often its message was delivered.
    delivered: u64,
    error: String,
    /// `None` if it becomes a dead letter.
    retry: Option<Retry>,
    reason: Reason,
}

/// How a record is scheduled again.
#[derive(Clone, Copy)]
enum Retry {
    /// An attempt has failed.
    CountAttempt,
    /// A dependency is unavailable.
    Postpone,
    /// A worker of a newer version may process it.
    Unsupported,
    /// What the step waits for has not happened yet.
    Wait(Duration),
}

/// Publishes every outcome, retry and dead letter of `records`, and waits until they are stored. `deliveries`
/// says how often the message of each was delivered. Returns the indices of the records whose retry or dead letter is
/// not stored: their messages must not be acked.
pub(crate) async fn publish_outcomes(
    publisher: &Publisher,
    step: &Step,
    (records, deliveries): (&[Record], &[u64]),
    outcomes: Vec<StepOutcome>,
    records_max: usize,
) -> Result<Vec<usize>, PublishError> {
    let mut events: Vec<Event> = Vec::with_capacity(outcomes.len());
    let mut failed: Vec<Failed<'_>> = Vec::new();
    let records = records.iter().zip(deliveries.iter().copied()).enumerate();
    for ((index, (record, delivered)), outcome) in records.zip(outcomes) {
        let (retry, reason, error) = match outcome {
            StepOutcome::Completed(completed) => {
                events.extend(completed);
                continue;
            }
            StepOutcome::Retry(error) => (Some(Retry::CountAttempt), Reason::Exhausted, error),
            StepOutcome::Postpone(error) => (Some(Retry::Postpone), Reason::Undecodable, error),
            StepOutcome::Unsupported(error) => {
                (Some(Retry::Unsupported), Reason::Undecodable, error)
            }
            StepOutcome::Wait(delay) => {
                (Some(Retry::Wait(delay)), Reason::Undecodable, "waiting".to_owned())
            }
            StepOutcome::DeadLetter(reason, error) => (None, reason, error),
        };
        failed.push(Failed { index, record, delivered, error, retry, reason });
    }
    failpoint!("lose_outcomes" => events.clear());
    failpoint!("time_from_now" => crate::failpoints::stamp_with_current_time(&mut events));
    failpoint!("release_unasked" => crate::failpoints::skip_refund(&mut events));
    let messages = batch::messages(&events, records_max);
    let outcomes = messages.iter().map(|message| publisher.publish(message, PUBLISH_TIMEOUT));
    let now = publisher.broker_time(subjects::RETRIES, FAILURE_PUBLISH_TIMEOUT).shared();
    let failures = failed.iter().map(|failed| publish_failed(publisher, step, failed, now.clone()));
    // All of them, before any error: one that is refused must not keep the others from being sent.
    let (outcomes, failures) = tokio::join!(join_all(outcomes), join_all(failures));
    outcomes.into_iter().try_for_each(|result| result.map(drop))?;
    Ok(not_stored(step, &failed, failures))
}

/// The indices of the failed records of which nothing is stored.
fn not_stored(
    step: &Step,
    failed: &[Failed<'_>],
    failures: Vec<Result<(), PublishError>>,
) -> Vec<usize> {
    let mut indices = Vec::new();
    for (Failed { index, record, .. }, result) in failed.iter().zip(failures) {
        if let Err(err) = result {
            let (origin, error) = (&record.history.origin, error_chain(&err));
            tracing::warn!(%step, ?origin, error, "retry or dead letter not stored, message returned");
            indices.push(*index);
        }
    }
    indices
}

impl Retry {
    /// The message that schedules `record`; `None` if it cannot be retried. `now` is the broker's
    /// time.
    fn message(
        self,
        step: &Step,
        record: &Record,
        error: &str,
        now: Timestamp,
    ) -> Option<OutboundMessage> {
        match self {
            Self::CountAttempt => retry::schedule(step, record, error, now),
            Self::Postpone => retry::postpone(step, record, error, now),
            Self::Unsupported => retry::unsupported(step, record, error, now),
            Self::Wait(delay) => retry::wait(step, record, delay, now),
        }
    }
}

async fn publish_failed(
    publisher: &Publisher,
    step: &Step,
    failed: &Failed<'_>,
    now: impl Future<Output = Result<Timestamp, PublishError>>,
) -> Result<(), PublishError> {
    let Failed { record, delivered, error, retry, reason, .. } = failed;
    let origin = &record.history.origin;
    if let Some(retry) = retry
        && let Some(message) = retry.message(step, record, error, now.await?)
    {
        if matches!(retry, Retry::Unsupported) {
            tracing::warn!(%step, ?origin, error, "record of a newer version left to another worker");
        }
        match publisher.publish(&message, FAILURE_PUBLISH_TIMEOUT).await {
            Err(err) if err.is_too_large() => {}
            result => return result.map(drop),
        }
    }
    tracing::error!(%step, ?reason, ?origin, error, "record dead-lettered");
    let letter = dead_letter::message(step, *reason, record, error);
    match publisher.publish(&letter, FAILURE_PUBLISH_TIMEOUT).await {
        Err(err @ PublishError::Refused { .. })
            if err.is_too_large() || *delivered >= GIVE_UP_FROM_DELIVERY =>
        {
            let error = error_chain(&err);
            tracing::error!(%step, ?origin, error, "dead letter refused, given up");
            Ok(())
        }
        result => result.map(drop),
    }
}
