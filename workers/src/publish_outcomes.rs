//! After processing: every outcome, retry and dead letter is stored before any message is acked.
//!
//! What the broker refuses for good holds back nothing else: everything else is published first. A
//! retry that is too large becomes a dead letter; a dead letter that is refused is given up, with an
//! error in the log, and its record stays where it was, in the stream of orders.

use futures_util::future::join_all;
use orders::Event;
use streams::dead_letter::{self, Reason};
use streams::{OutboundMessage, PublishError, Publisher, Record, Step, batch, failpoint, retry};

use crate::limits::PUBLISH_TIMEOUT;
use crate::step_input::StepOutcome;

/// A record that a step did not complete, and the message that says so.
struct Failed<'a> {
    record: &'a Record,
    error: String,
    /// `None` if the message is a dead letter.
    retry: Option<OutboundMessage>,
    reason: Reason,
}

/// Publishes every outcome, retry and dead letter of `records`, and waits until all are stored.
pub(crate) async fn publish_outcomes(
    publisher: &Publisher,
    step: &Step,
    records: &[Record],
    outcomes: Vec<StepOutcome>,
    records_max: usize,
) -> Result<(), PublishError> {
    let mut events: Vec<Event> = Vec::with_capacity(outcomes.len());
    let mut failed: Vec<Failed<'_>> = Vec::new();
    for (record, outcome) in records.iter().zip(outcomes) {
        match outcome {
            StepOutcome::Completed(completed) => events.extend(completed),
            StepOutcome::Retry(error) => {
                let retry = retry::schedule(step, record, &error);
                failed.push(Failed { record, error, retry, reason: Reason::Exhausted });
            }
            StepOutcome::Postpone(error) => {
                let retry = retry::postpone(step, record, &error);
                failed.push(Failed { record, error, retry, reason: Reason::Undecodable });
            }
            StepOutcome::Wait(delay) => {
                let (retry, error) = (retry::wait(step, record, delay), "waiting".to_owned());
                failed.push(Failed { record, error, retry, reason: Reason::Undecodable });
            }
            StepOutcome::DeadLetter(reason, error) => {
                failed.push(Failed { record, error, retry: None, reason });
            }
        }
    }
    failpoint!("time_from_now" => crate::failpoints::stamp_with_current_time(&mut events));
    failpoint!("release_unasked" => crate::failpoints::skip_refund(&mut events));
    let messages = batch::messages(&events, records_max);
    let outcomes = messages.iter().map(|message| publisher.publish(message, PUBLISH_TIMEOUT));
    let failed = failed.iter().map(|failed| publish_failed(publisher, step, failed));
    // All of them, before any error: one that is refused must not keep the others from being sent.
    let (outcomes, failed) = tokio::join!(join_all(outcomes), join_all(failed));
    outcomes.into_iter().map(|result| result.map(drop)).chain(failed).collect()
}

async fn publish_failed(
    publisher: &Publisher,
    step: &Step,
    failed: &Failed<'_>,
) -> Result<(), PublishError> {
    if let Some(retry) = &failed.retry {
        match publisher.publish(retry, PUBLISH_TIMEOUT).await {
            Err(err) if err.is_too_large() => {}
            result => return result.map(drop),
        }
    }
    let Failed { record, error, reason, .. } = failed;
    let origin = &record.history.origin;
    tracing::error!(%step, ?reason, ?origin, error, "record dead-lettered");
    let letter = dead_letter::message(step, *reason, record, error);
    match publisher.publish(&letter, PUBLISH_TIMEOUT).await {
        Err(PublishError::Refused { code, description }) => {
            tracing::error!(%step, ?origin, code, description, "dead letter refused, given up");
            Ok(())
        }
        result => result.map(drop),
    }
}
