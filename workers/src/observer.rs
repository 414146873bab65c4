//! What a stage that only observes has in addition to its steps.

use clap::{ArgMatches, Command};
use futures_util::future::{BoxFuture, LocalBoxFuture};

use crate::database::{Database, DatabaseError};
use crate::step_input::StepError;

/// A stage that only observes: no order waits for it, so it can miss messages.
pub(crate) struct Observer<S: 'static> {
    /// Rebuilds from rows everything that its steps may have missed. Returns the number of orders.
    /// Idempotent: what a step has processed is not rebuilt.
    pub(crate) rebuild: Rebuild<S>,
    /// Compares its rows with those of the orders.
    pub(crate) audit: ObserverAudit,
    /// The command `millrace POOL`.
    pub(crate) report: ObserverReport,
}

pub(crate) type Rebuild<S> = for<'a> fn(&'a S) -> LocalBoxFuture<'a, Result<u64, StepError>>;

/// Compares an observer's rows with those of the orders. With `true`, it must have seen all orders;
/// with `false`, only those orders are compared that it has seen.
pub type ObserverAudit =
    for<'a> fn(&'a Database, bool) -> BoxFuture<'a, Result<Vec<Discrepancy>, DatabaseError>>;

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
