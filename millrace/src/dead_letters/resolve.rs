//! Replaying and discarding dead letters. The effect is published before the resolution that
//! records it. After an interruption in between, the letter is still unresolved; resolving it again
//! does no harm.

use std::time::{Duration, SystemTime};

use anyhow::{Result, bail};
use clap::Args;
use orders::{CancelledBy, Event, EventBody, Timestamp};
use streams::dead_letter::{NotReplayable, ResolutionKind, StoredDeadLetter};
use streams::{Connection, OutboundMessage, PublishError, Publisher, batch, subjects};
use thiserror::Error;
use tokio::time::interval;
use workers::{is_disbelieved, payment, stages};

use super::filter::LetterFilter;
use super::output;
use crate::limits::{PUBLISH_TIMEOUT, RESOLVE_RATE_DEFAULT, RESOLVE_RATE_MAX};

/// The dead letters to resolve, the operator and the reason.
#[derive(Debug, Clone, Args)]
pub(super) struct ResolveArgs {
    #[command(flatten)]
    filter: LetterFilter,
    /// Resolve every unresolved dead letter
    #[arg(long)]
    all: bool,
    /// Name of the operator, stored with the resolution
    #[arg(long, env = "USER")]
    by: String,
    /// Reason for the decision, stored with the resolution
    #[arg(long)]
    why: String,
    /// Only list the dead letters that would be resolved
    #[arg(long)]
    dry_run: bool,
    /// Dead letters to resolve per second, so that a step is not flooded
    #[arg(
        long,
        default_value_t = RESOLVE_RATE_DEFAULT,
        value_parser = clap::value_parser!(u32).range(1..=i64::from(RESOLVE_RATE_MAX))
    )]
    rate: u32,
}

/// An operator's decision about dead letters.
#[derive(Debug, Clone, Copy)]
pub struct ResolveRequest<'a> {
    /// Whether to replay or to discard.
    pub action: ResolutionKind,
    /// Name of the operator.
    pub by: &'a str,
    /// Reason for the decision.
    pub why: &'a str,
}

/// A dead letter was not resolved.
#[derive(Debug, Error)]
pub enum ResolveError {
    /// The step has a name that no stage has.
    #[error("cannot replay the record: its step is unknown")]
    UnknownStep,
    /// No step can read the record.
    #[error(transparent)]
    NotReplayable(#[from] NotReplayable),
    /// The dead letter of a refund cannot be discarded.
    #[error("money may be held for the order until it is refunded; fix the cause and replay")]
    HoldsMoney,
    /// The brokers did not store a message of the resolution.
    #[error(transparent)]
    Publish(#[from] PublishError),
}

/// Resolves `letter` as `request` says.
pub async fn resolve(
    connection: &Connection,
    letter: &StoredDeadLetter,
    request: ResolveRequest<'_>,
) -> Result<(), ResolveError> {
    let ResolveRequest { action, by, why } = request;
    let step = stages::step_named(&letter.content.step);
    let publisher = Publisher::new(connection.clone());
    let pool = step.map_or("unknown", |step| step.pool.as_str());
    let mut messages = match action {
        ResolutionKind::Replayed => {
            let now = publisher.broker_time(subjects::RETRIES, PUBLISH_TIMEOUT).await?;
            vec![letter.replay_message(&step.ok_or(ResolveError::UnknownStep)?, now)?]
        }
        ResolutionKind::Discarded => compensation(letter)?,
    };
    messages.push(letter.resolution_message(pool, action, by, why));
    for message in &messages {
        publisher.publish(message, PUBLISH_TIMEOUT).await?;
    }
    Ok(())
}

/// Resolves all unresolved letters that the filter of `args` matches.
pub(super) async fn resolve_all(
    connection: &Connection,
    letters: &[StoredDeadLetter],
    action: ResolutionKind,
    args: &ResolveArgs,
) -> Result<()> {
    if args.filter.is_empty() && !args.all {
        bail!("no dead letters selected: set numbers, --order, --pool, --reason, --since or --all");
    }
    let request = ResolveRequest { action, by: &args.by, why: &args.why };
    let mut ticks = interval(Duration::from_secs(1) / args.rate);
    let mut unresolved = 0;
    let selected =
        letters.iter().filter(|letter| letter.resolution.is_none() && args.filter.matches(letter));
    for letter in selected {
        if args.dry_run {
            output::print_line(letter);
            continue;
        }
        ticks.tick().await;
        match resolve(connection, letter, request).await {
            Ok(()) => output::print_resolved(letter, action),
            Err(ResolveError::Publish(err)) => return Err(err.into()),
            Err(err) => {
                output::print_unresolved(letter, &err);
                unresolved += 1;
            }
        }
    }
    if unresolved > 0 {
        bail!("{unresolved} dead letters are still unresolved");
    }
    Ok(())
}

/// The compensation for a record that is given up: a request to cancel its order. Fulfilment's
/// decision to ship or withdraw does the rest, whatever state the order has reached by then. A
/// record without an order id needs no compensation.
fn compensation(letter: &StoredDeadLetter) -> Result<Vec<OutboundMessage>, ResolveError> {
    // No pool has published it, so there is nothing to undo: the order itself is well.
    if is_disbelieved(&letter.content.error) {
        return Ok(Vec::new());
    }
    match stages::step_named(&letter.content.step) {
        Some(payment::REFUND) => return Err(ResolveError::HoldsMoney),
        // The order itself is well.
        Some(step) if step.is_observer() => return Ok(Vec::new()),
        _ => {}
    }
    let Some(order_id) = letter.order_id() else { return Ok(Vec::new()) };
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_millis() as i64;
    let body = EventBody::CancelRequested { by: CancelledBy::Operator };
    let event = Event { order_id, at: Timestamp::from_millis(now), body };
    let messages = batch::messages(&[event], 1).into_iter();
    Ok(messages.map(OutboundMessage::asking_for_answer).collect())
}
