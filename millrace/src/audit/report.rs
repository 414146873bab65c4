//! The report of an audit: a JSON object for programs, a table for people.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;
use streams::Profile;

use super::observers::ObserverFindings;
use super::restored::Restored;

/// The report of an audit.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// Durability profile of the cluster.
    pub profile: String,
    /// Whether the audit found no problem.
    pub passed: bool,
    /// Whether the cluster was quiescent during the audit, so that all sources had to agree.
    pub quiet: bool,
    /// Whether a ledger was compared. Without one, lost orders are not looked for.
    pub has_ledger: bool,
    /// Orders that received a 202; without a ledger, those in the stream.
    pub acknowledged: u64,
    /// Orders that were not accepted, by reason.
    pub refused: BTreeMap<String, u64>,
    /// Orders that were shipped.
    pub fulfilled: u64,
    /// Orders that inventory rejected, by reason.
    pub rejected: BTreeMap<String, u64>,
    /// Orders that were cancelled: their stock is released and their money refunded.
    pub cancelled: u64,
    /// Orders that are not final yet.
    pub in_flight: u64,
    /// Orders with an unresolved dead letter.
    pub dead: u64,
    /// Orders that were acknowledged and are neither in the stream nor in the database; `None`
    /// without a ledger.
    pub lost: Option<u64>,
    /// How much of the orders could be compared.
    pub compared: Compared,
    /// What a restore has left; `None` if no backup was restored.
    pub restored: Option<Restored>,
    /// Orders with two different outcomes of one step.
    pub duplicated: u64,
    /// Orders that were charged more than once.
    pub charged_twice: u64,
    /// SKUs of which more was sold or reserved than was loaded.
    pub oversold_skus: Vec<String>,
    /// What was found about each observing pool that was ever started.
    pub observers: BTreeMap<String, ObserverFindings>,
    /// The first hundred problems.
    pub problems: Vec<Problem>,
    /// The first hundred unresolved dead letters.
    pub dead_letters: Vec<ListedDeadLetter>,
}

/// The numbers of orders that were compared with all sources, and with fewer of them because their
/// messages are purged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// From the placed body on: status, outcomes and content.
    pub with_stream: u64,
    /// With the later events only.
    pub with_later_events: u64,
    /// Rows and provider only.
    pub rows_only: u64,
}

/// An unresolved dead letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListedDeadLetter {
    /// Its number in `millrace dead`.
    pub number: u64,
    /// The step that failed to process the record.
    pub step: String,
    /// The reason: undecodable, poison or exhausted.
    pub reason: String,
    /// The last error of the step.
    pub error: String,
    /// The id of its order, if the record has a readable one.
    pub order_id: Option<String>,
}

/// A violation that the audit found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The order or SKU that it is about.
    pub subject: String,
    /// What is wrong.
    pub detail: String,
}

impl Report {
    /// An empty report.
    pub fn new(profile: Profile) -> Self {
        Self { profile: profile.as_str().to_owned(), ..Self::default() }
    }

    /// Adds problems that were found by other means. The audit fails if there is any.
    pub fn add(&mut self, problems: impl IntoIterator<Item = Problem>) {
        self.problems.extend(problems);
        self.passed &= self.problems.is_empty();
    }

    /// Writes the JSON to `file`.
    pub fn write(&self, file: &Path) -> Result<()> {
        write_json(self, file)
    }
}

/// Writes a report to `file` as indented JSON.
pub fn write_json(report: &impl Serialize, file: &Path) -> Result<()> {
    let text = serde_json::to_string_pretty(report)? + "\n";
    std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = |name: &str, value: String| writeln!(f, "  {name:<18}{value}");
        row("profile", self.profile.clone())?;
        row("acknowledged", self.acknowledged.to_string())?;
        row("refused", by_reason(&self.refused))?;
        row("fulfilled", self.fulfilled.to_string())?;
        row("rejected", by_reason(&self.rejected))?;
        row("cancelled", self.cancelled.to_string())?;
        row("in flight", self.in_flight.to_string())?;
        row("dead", self.dead.to_string())?;
        let not_looked_for = || "not looked for: no ledger".to_owned();
        row("lost", self.lost.map_or_else(not_looked_for, |lost| lost.to_string()))?;
        row("compared", self.compared.to_string())?;
        if let Some(restored) = &self.restored {
            row("restored", restored.to_string())?;
        }
        row("duplicated", self.duplicated.to_string())?;
        row("charged twice", self.charged_twice.to_string())?;
        row("oversold SKUs", self.oversold_skus.len().to_string())?;
        for (pool, findings) in &self.observers {
            row(pool, findings.to_string())?;
        }
        for letter in &self.dead_letters {
            let ListedDeadLetter { number, step, reason, error, order_id } = letter;
            let order = order_id.as_deref().unwrap_or("unknown");
            let place = format!("dead letter {number}, order {order}, step {step}");
            writeln!(f, "  † {place}: {reason}: {error}")?;
        }
        for problem in &self.problems {
            writeln!(f, "  ✗ {}: {}", problem.subject, problem.detail)?;
        }
        let verdict = match (self.passed, self.quiet) {
            (false, _) => "audit: FAILED",
            (true, true) => "audit: passed",
            (true, false) => "audit: passed, as far as can be decided while orders move",
        };
        writeln!(f, "{verdict}")
    }
}

impl fmt::Display for Compared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { with_stream, with_later_events, rows_only } = self;
        write!(f, "{with_stream} with the stream")?;
        if with_later_events + rows_only > 0 {
            write!(
                f,
                ", {with_later_events} with later events, {rows_only} by rows only (purged)"
            )?;
        }
        Ok(())
    }
}

fn by_reason(counts: &BTreeMap<String, u64>) -> String {
    let total: u64 = counts.values().sum();
    let reasons: Vec<_> = counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
    if reasons.is_empty() {
        total.to_string()
    } else {
        format!("{total}  ({})", reasons.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_ledger_the_report_says_that_lost_orders_are_not_looked_for() {
        let report = Report::default();
        assert!(report.to_string().contains("lost              not looked for: no ledger"));
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!((&json["lost"], &json["has_ledger"]), (&().into(), &false.into()));
        let report = Report { has_ledger: true, lost: Some(2), ..report };
        assert!(report.to_string().contains("lost              2"));
    }

    #[test]
    fn what_was_purged_is_in_the_report() {
        let compared = Compared { with_stream: 3, ..Compared::default() };
        assert_eq!(compared.to_string(), "3 with the stream");
        let compared = Compared { with_later_events: 1, rows_only: 20, ..compared };
        let expected = "3 with the stream, 1 with later events, 20 by rows only (purged)";
        assert_eq!(compared.to_string(), expected);
    }
}
