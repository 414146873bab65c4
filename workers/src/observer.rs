//! What a stage that only observes has in addition to its steps.

use clap::{ArgMatches, Command};
use futures_util::future::{BoxFuture, LocalBoxFuture};
use uuid::Uuid;

use crate::database::{Database, DatabaseError};
use crate::step_input::StepError;

/// A stage that only observes: no order waits for it, so it can miss messages.
pub(crate) struct Observer<S: 'static> {
    /// Rebuilds from rows what its steps may have missed, for one page of orders.
    pub(crate) rebuild_page: RebuildPage<S>,
    /// Compares its rows with those of the orders.
    pub(crate) audit: ObserverAudit,
    /// The command `millrace POOL`.
    pub(crate) report: ObserverReport,
}

/// Rebuilds the orders of one page: so many, sorted by id, after the given one. Returns `None` when
/// there is none left. Idempotent: what a step has processed is not rebuilt.
pub(crate) type RebuildPage<S> =
    for<'a> fn(&'a S, Uuid, i64) -> LocalBoxFuture<'a, Result<Option<RebuiltPage>, StepError>>;

/// A page of orders that was rebuilt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RebuiltPage {
    /// The last order of the page.
    pub(crate) last: Uuid,
    /// How many of its orders the steps had missed.
    pub(crate) rebuilt_orders: u64,
}

/// Compares an observer's rows with those of the orders.
pub type ObserverAudit =
    for<'a> fn(&'a Database, AuditScope) -> BoxFuture<'a, Result<Vec<Discrepancy>, DatabaseError>>;

/// What an observer's rows are compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditScope {
    /// With all orders, since the observer has seen all of them; otherwise only with those that it
    /// has seen.
    pub is_complete: bool,
    /// The most discrepancies that are returned.
    pub discrepancies_max: i64,
}

/// A row of an observer that does not agree with the orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discrepancy {
    /// What the row is about.
    pub subject: String,
    /// What it says, and what it should say.
    pub detail: String,
}

/// A command that shows what an observer has found.
#[derive(Clone, Copy)]
pub struct ObserverReport {
    /// What the command shows, in a few words, for `--help`.
    pub about: &'static str,
    /// Adds the options of the command.
    pub add_options: fn(Command) -> Command,
    /// Writes the report.
    pub write: WriteReport,
}

/// Writes a report, as the options say.
pub type WriteReport = for<'a> fn(&'a Database, &'a ArgMatches) -> BoxFuture<'a, ReportText>;

/// The text of a report, or why it could not be written.
pub type ReportText = Result<String, Box<dyn std::error::Error + Send + Sync>>;
