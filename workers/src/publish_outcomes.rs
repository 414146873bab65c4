//! After processing: every outcome, retry and dead letter is stored before any message is acked.

use std::time::Duration;

use futures_util::future::try_join_all;
use orders::Event;
use streams::dead_letter::{self, Reason};
use streams::{OutboundMessage, PublishError, Publisher, Record, Step, batch, retry};

use crate::process::RecordOutcome;
use crate::sabotage;

/// How long the broker may take to store outcomes. Then the step is repeated, which finds the rows
/// and publishes the same outcomes, or the messages are returned.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(20);

/// Publishes every outcome, retry and dead letter of `records`, and waits until all are stored.
pub(crate) async fn publish_outcomes(
    publisher: &Publisher,
    step: Step,
    records: &[Record],
    outcomes: Vec<RecordOutcome>,
    records_max: usize,
) -> Result<(), PublishError> {
    let mut events: Vec<Event> = Vec::with_capacity(outcomes.len());
    let mut messages: Vec<OutboundMessage> = Vec::new();
    for (record, outcome) in records.iter().zip(outcomes) {
        match outcome {
            RecordOutcome::Completed(completed) => events.extend(completed),
            RecordOutcome::Retry(event, error) => {
                messages.push(retry_message(step, &event, record, &error));
            }
            RecordOutcome::Postpone(event, error) => {
                messages.push(postpone_message(step, &event, record, &error));
            }
            RecordOutcome::DeadLetter(reason, error) => {
                messages.push(dead_letter_message(step, reason, record, &error));
            }
        }
    }
    sabotage::falsify(&mut events);
    messages.extend(batch::messages(&events, records_max));
    let acks = messages.iter().map(|message| publisher.publish(message, PUBLISH_TIMEOUT));
    try_join_all(acks).await?;
    Ok(())
}

fn retry_message(step: Step, event: &Event, record: &Record, error: &str) -> OutboundMessage {
    retry::schedule(step, event.order_id, record, error)
        .unwrap_or_else(|| dead_letter_message(step, Reason::Exhausted, record, error))
}

fn postpone_message(step: Step, event: &Event, record: &Record, error: &str) -> OutboundMessage {
    retry::postpone(step, event.order_id, record, error)
        .unwrap_or_else(|| dead_letter_message(step, Reason::Undecodable, record, error))
}

fn dead_letter_message(
    step: Step,
    reason: Reason,
    record: &Record,
    error: &str,
) -> OutboundMessage {
    let origin = &record.history.origin;
    tracing::error!(%step, ?reason, ?origin, error, "record dead-lettered");
    dead_letter::message(step, reason, record, error)
}
