//! After the work: all that came of it is stored before any message is acked.

use std::time::Duration;

use futures_util::future::try_join_all;
use orders::Event;
use streams::dead_letter::{self, Reason};
use streams::{OutboundMessage, PublishError, Publisher, Record, Step, batch, retry};

use crate::mutants;
use crate::work::Worked;

/// How long the broker may take to store outcomes; then the messages are given back and the work
/// is repeated, which finds the rows and publishes the same again.
const PATIENCE: Duration = Duration::from_secs(20);

/// Publishes every outcome, retry and dead letter of `records`, and waits until all are stored.
pub(crate) async fn publish(
    publisher: &Publisher,
    step: Step,
    records: &[Record],
    worked: Vec<Worked>,
    records_max: usize,
) -> Result<(), PublishError> {
    let mut outcomes: Vec<Event> = Vec::with_capacity(worked.len());
    let mut messages: Vec<OutboundMessage> = Vec::new();
    for (record, worked) in records.iter().zip(worked) {
        match worked {
            Worked::Done(events) => outcomes.extend(events),
            Worked::Later(event, error) => messages.push(later(step, &event, record, &error)),
            Worked::NotNow(event, error) => messages.push(not_now(step, &event, record, &error)),
            Worked::Dead(reason, error) => messages.push(dead(step, reason, record, &error)),
        }
    }
    mutants::spoil(&mut outcomes);
    messages.extend(batch::messages(&outcomes, records_max));
    try_join_all(messages.iter().map(|message| publisher.publish(message, PATIENCE))).await?;
    Ok(())
}

fn later(step: Step, event: &Event, record: &Record, error: &str) -> OutboundMessage {
    retry::schedule(step, event.order_id, record, error)
        .unwrap_or_else(|| dead(step, Reason::Exhausted, record, error))
}

fn not_now(step: Step, event: &Event, record: &Record, error: &str) -> OutboundMessage {
    retry::postpone(step, event.order_id, record, error)
        .unwrap_or_else(|| dead(step, Reason::Undecodable, record, error))
}

fn dead(step: Step, reason: Reason, record: &Record, error: &str) -> OutboundMessage {
    tracing::error!(%step, ?reason, origin = ?record.history.origin, error, "dead letter");
    dead_letter::message(step, reason, record, error)
}
