//! Replaying and discarding dead letters. The effect is published before the resolution that
//! records it. After an interruption in between, the letter is still unresolved; resolving it again
//! does no harm.

use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args;
use orders::Timestamp;
use streams::dead_letter::{self, NotReplayable, ResolutionKind, StoredDeadLetter};
use streams::{Connection, OutboundMessage, PublishError, Publisher, batch, failpoint, subjects};
use thiserror::Error;
use tokio::time::{MissedTickBehavior, interval};
use workers::{is_disbelieved, payment, stages};

use super::filter::LetterFilter;
use super::output;
use crate::addresses::DatabaseAddress;
use crate::cancellation::cancellation;
use crate::cluster_lock::{ClusterLock, ClusterTask};
use crate::limits::{
    PUBLISH_TIMEOUT, RESOLVE_LOCK_WAIT, RESOLVE_RATE_DEFAULT, RESOLVE_RATE_MAX, RESOLVE_TIMEOUT,
};

/// The dead letters to resolve, the operator and the reason.
#[derive(Clone, Args)]
pub(super) struct ResolveArgs {
    #[command(flatten)]
    database: DatabaseAddress,
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
        failpoint!("crash_in_resolution");
    }
    Ok(())
}

/// Why not all letters were reached.
#[derive(Debug, Error)]
pub(crate) enum Interruption {
    /// The brokers did not store what one needs.
    #[error("the brokers do not store it: {0}")]
    Brokers(PublishError),
    /// Another process may resolve them by now.
    #[error("the database does not say any more that no other process resolves letters")]
    LockLost,
    /// The process was asked to end.
    #[error("the process stops")]
    Stopping,
    /// It took too long.
    #[error("one request resolves letters for {} s at most", RESOLVE_TIMEOUT.as_secs())]
    TimeLimit,
}

/// How letters are resolved while no other process resolves any.
pub(crate) struct Resolver<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) lock: &'a mut ClusterLock,
    pub(crate) request: ResolveRequest<'a>,
    /// At most so many letters a second.
    pub(crate) rate: u32,
}

impl Resolver<'_> {
    /// Resolves `letters` one after the other, and calls `report` with each result. Says why not all were reached:
    /// `stop` is asked before each.
    pub(crate) async fn resolve_each(
        self,
        letters: &[&StoredDeadLetter],
        stop: impl Fn() -> Option<Interruption>,
        mut report: impl FnMut(&StoredDeadLetter, Result<(), &ResolveError>),
    ) -> Option<Interruption> {
        let mut ticks = interval(Duration::from_secs(1) / self.rate);
        // What was slow is not made up for.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for letter in letters {
            ticks.tick().await;
            if let Some(interruption) = stop() {
                return Some(interruption);
            }
            if !self.lock.is_held().await {
                return Some(Interruption::LockLost);
            }
            let resolved = resolve(self.connection, letter, self.request).await;
            report(letter, resolved.as_ref().copied());
            if let Err(ResolveError::Publish(err)) = resolved {
                return Some(Interruption::Brokers(err));
            }
        }
        None
    }
}

/// Why `letter` would not be resolved so; `None` if it would be, as far as can be said before.
pub(crate) fn refusal(letter: &StoredDeadLetter, action: ResolutionKind) -> Option<ResolveError> {
    match action {
        ResolutionKind::Replayed => {
            let Some(step) = stages::step_named(&letter.content.step) else {
                return Some(ResolveError::UnknownStep);
            };
            letter.replay_message(&step, Timestamp::from_millis(0)).err().map(Into::into)
        }
        ResolutionKind::Discarded => compensation(letter).err(),
    }
}

/// Resolves all unresolved letters that the filter of `args` matches, while no other process resolves letters.
pub(super) async fn resolve_all(
    connection: &Connection,
    action: ResolutionKind,
    args: &ResolveArgs,
) -> Result<()> {
    if args.filter.is_empty() && !args.all {
        bail!("no dead letters selected: set numbers, --order, --pool, --reason, --since or --all");
    }
    if args.dry_run {
        let letters = dead_letter::read(connection).await?;
        args.select(&letters).into_iter().for_each(output::print_line);
        return Ok(());
    }
    let database = args.database.open()?;
    let mut lock = ClusterLock::take(&database, ClusterTask::Resolve, RESOLVE_LOCK_WAIT).await?;
    let resolved = resolve_selected(connection, &mut lock, action, args).await;
    lock.release().await;
    resolved
}

/// The letters are read under the lock: what another process has resolved is resolved.
async fn resolve_selected(
    connection: &Connection,
    lock: &mut ClusterLock,
    action: ResolutionKind,
    args: &ResolveArgs,
) -> Result<()> {
    let letters = dead_letter::read(connection).await?;
    let selected = args.select(&letters);
    let request = ResolveRequest { action, by: &args.by, why: &args.why };
    let (mut tried, mut unresolved) = (0, 0);
    let report = |letter: &StoredDeadLetter, result: Result<(), &ResolveError>| {
        tried += 1;
        match result {
            Ok(()) => output::print_resolved(letter, action),
            Err(err) => {
                output::print_unresolved(letter, err);
                unresolved += 1;
            }
        }
    };
    let resolver = Resolver { connection, lock, request, rate: args.rate };
    if let Some(interruption) = resolver.resolve_each(&selected, || None, report).await {
        bail!("{interruption}: {} dead letters were not reached", selected.len() - tried);
    }
    if unresolved > 0 {
        bail!("{unresolved} dead letters are still unresolved");
    }
    Ok(())
}

impl ResolveArgs {
    fn select<'a>(&self, letters: &'a [StoredDeadLetter]) -> Vec<&'a StoredDeadLetter> {
        let is_selected =
            |it: &&StoredDeadLetter| it.resolution.is_none() && self.filter.matches(it);
        letters.iter().filter(is_selected).collect()
    }
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
    let messages = batch::messages(&[cancellation(order_id)], 1).into_iter();
    Ok(messages.map(OutboundMessage::asking_for_answer).collect())
}
