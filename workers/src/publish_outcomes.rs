//! After processing: every outcome, retry and dead letter is stored before any message is acked.

use futures_util::future::try_join_all;
use orders::Event;
use streams::dead_letter::{self, Reason};
use streams::{OutboundMessage, PublishError, Publisher, Record, Step, batch, failpoint, retry};

use crate::limits::PUBLISH_TIMEOUT;
use crate::step_input::StepOutcome;

/// Publishes every outcome, retry and dead letter of `records`, and waits until all are stored.
pub(crate) async fn publish_outcomes(
    publisher: &Publisher,
    step: &Step,
    records: &[Record],
    outcomes: Vec<StepOutcome>,
    records_max: usize,
) -> Result<(), PublishError> {
    let mut events: Vec<Event> = Vec::with_capacity(outcomes.len());
    let mut messages: Vec<OutboundMessage> = Vec::new();
    for (record, outcome) in records.iter().zip(outcomes) {
        match outcome {
            StepOutcome::Completed(completed) => events.extend(completed),
            StepOutcome::Retry(error) => {
                messages.push(retry_message(step, record, &error));
            }
            StepOutcome::Postpone(error) => {
                messages.push(postpone_message(step, record, &error));
            }
            StepOutcome::DeadLetter(reason, error) => {
                messages.push(dead_letter_message(step, reason, record, &error));
            }
        }
    }
    failpoint!("time_from_now" => crate::failpoints::stamp_with_current_time(&mut events));
    failpoint!("release_unasked" => crate::failpoints::skip_refund(&mut events));
    messages.extend(batch::messages(&events, records_max));
    let acks = messages.iter().map(|message| publisher.publish(message, PUBLISH_TIMEOUT));
    try_join_all(acks).await?;
    Ok(())
}

fn retry_message(step: &Step, record: &Record, error: &str) -> OutboundMessage {
    retry::schedule(step, record, error)
        .unwrap_or_else(|| dead_letter_message(step, Reason::Exhausted, record, error))
}

fn postpone_message(step: &Step, record: &Record, error: &str) -> OutboundMessage {
    retry::postpone(step, record, error)
        .unwrap_or_else(|| dead_letter_message(step, Reason::Undecodable, record, error))
}

fn dead_letter_message(
    step: &Step,
    reason: Reason,
    record: &Record,
    error: &str,
) -> OutboundMessage {
    let origin = &record.history.origin;
    tracing::error!(%step, ?reason, ?origin, error, "record dead-lettered");
    dead_letter::message(step, reason, record, error)
}
