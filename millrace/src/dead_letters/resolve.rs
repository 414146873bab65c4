//! Replaying and discarding: what is done comes first, and then the mark that says who did it. Cut
//! off in between, the letter still waits; to decide about it again does no harm.

use std::time::{Duration, SystemTime};

use anyhow::{Result, bail};
use clap::Args;
use orders::{CancelledBy, Event, EventBody, Timestamp};
use streams::dead_letter::{NotReplayable, ResolutionKind, StoredDeadLetter};
use streams::{Connection, OutboundMessage, PublishError, Publisher, Step, batch};
use thiserror::Error;
use tokio::time::interval;

use super::filter::LetterFilter;
use super::show;

/// How long the brokers may take to store one message.
const PATIENCE: Duration = Duration::from_secs(20);

/// Which letters to decide about, and whose decision it is.
#[derive(Debug, Clone, Args)]
pub(super) struct ResolveArgs {
    #[command(flatten)]
    filter: LetterFilter,
    /// Every letter that waits
    #[arg(long)]
    all: bool,
    /// Who decides
    #[arg(long, env = "USER")]
    by: String,
    /// Why
    #[arg(long)]
    why: String,
    /// Only show which letters are meant
    #[arg(long)]
    dry_run: bool,
    /// Letters a second, so that a step is not flooded
    #[arg(long, default_value = "50", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,
}

/// A decision about dead letters.
#[derive(Debug, Clone, Copy)]
pub struct ResolveRequest<'a> {
    /// What to do.
    pub action: ResolutionKind,
    /// Who decides.
    pub by: &'a str,
    /// Why.
    pub why: &'a str,
}

/// Why a letter still waits.
#[derive(Debug, Error)]
pub enum ResolveError {
    /// It cannot be replayed.
    #[error(transparent)]
    NotReplayable(#[from] NotReplayable),
    /// It cannot be discarded.
    #[error("money may be held for the order until the refund is done: mend the cause and replay")]
    HoldsMoney,
    /// The brokers did not store what came of the decision.
    #[error(transparent)]
    Publish(#[from] PublishError),
}

/// Carries out `decision` about `letter`.
pub async fn resolve(
    connection: &Connection,
    letter: &StoredDeadLetter,
    decision: ResolveRequest<'_>,
) -> Result<(), ResolveError> {
    let ResolveRequest { action, by, why } = decision;
    let mut messages = match action {
        ResolutionKind::Replayed => vec![letter.again()?],
        ResolutionKind::Discarded => compensation(letter)?,
    };
    messages.push(letter.resolution_message(action, by, why));
    let publisher = Publisher::new(connection.clone());
    for message in &messages {
        publisher.publish(message, PATIENCE).await?;
    }
    Ok(())
}

pub(super) async fn resolve_all(
    connection: &Connection,
    letters: &[StoredDeadLetter],
    action: ResolutionKind,
    args: &ResolveArgs,
) -> Result<()> {
    if args.filter.is_open() && !args.all {
        bail!("say which letters: by number, --pool, --reason, --since, or --all");
    }
    let decision = ResolveRequest { action, by: &args.by, why: &args.why };
    let mut ticks = interval(Duration::from_secs(1) / args.rate);
    let mut undecided = 0;
    for letter in letters.iter().filter(|it| it.handled.is_none() && args.filter.matches(it)) {
        if args.dry_run {
            show::line(letter);
            continue;
        }
        ticks.tick().await;
        match resolve(connection, letter, decision).await {
            Ok(()) => show::decided(letter, action),
            Err(ResolveError::Publish(err)) => return Err(err.into()),
            Err(err) => {
                show::undecided(letter, &err);
                undecided += 1;
            }
        }
    }
    if undecided > 0 {
        bail!("{undecided} letters still wait");
    }
    Ok(())
}

/// What becomes of the order of a record that is given up: its cancellation is asked for, and the
/// single decision of fulfilment does the rest, wherever the order has come to meanwhile. A record
/// that names no order has none to compensate.
fn compensation(letter: &StoredDeadLetter) -> Result<Vec<OutboundMessage>, ResolveError> {
    if letter.step() == Some(Step::Refund) {
        return Err(ResolveError::HoldsMoney);
    }
    let Some(order_id) = letter.order_id() else { return Ok(Vec::new()) };
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_millis() as i64;
    let body = EventBody::CancelRequested { by: CancelledBy::Operator };
    let event = Event { order_id, at: Timestamp::from_millis(now), body };
    Ok(batch::messages(&[event], 1))
}
