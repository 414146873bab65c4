//! What an audit found: one JSON object for machines, one table for people.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;
use streams::Profile;

/// What an audit found.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// How durable the cluster was.
    pub profile: String,
    /// Whether the audit found nothing wrong.
    pub passed: bool,
    /// Whether nothing moved while the books were compared, so that they had to agree in all.
    pub quiet: bool,
    /// Orders that were answered 202.
    pub acknowledged: u64,
    /// Orders that were not taken, by reason.
    pub refused: BTreeMap<String, u64>,
    /// Orders that were shipped.
    pub fulfilled: u64,
    /// Orders that inventory rejected, by reason.
    pub rejected: BTreeMap<String, u64>,
    /// Orders whose stock and money went back.
    pub cancelled: u64,
    /// Orders that are on their way.
    pub in_flight: u64,
    /// Orders that wait among the dead letters.
    pub dead: u64,
    /// Orders in the client's ledger and in no state.
    pub lost: u64,
    /// Orders with two different outcomes of one step.
    pub duplicated: u64,
    /// Orders that were charged more than once.
    pub charged_twice: u64,
    /// SKUs of which more was promised than there was.
    pub oversold_skus: Vec<String>,
    /// What the audit found wrong, the first hundred.
    pub problems: Vec<Problem>,
    /// The dead letters that wait for a decision, the first hundred.
    pub dead_letters: Vec<NamedLetter>,
}

/// A dead letter that waits for a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NamedLetter {
    /// By which `millrace dead` knows it.
    pub number: u64,
    /// The step that could not take it.
    pub step: String,
    /// Why it is dead.
    pub reason: String,
    /// The last error.
    pub error: String,
    /// Whose order it is about, if that can be read.
    pub order_id: Option<String>,
}

/// Something that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The order, SKU or stream.
    pub subject: String,
    /// What is wrong.
    pub detail: String,
}

impl Report {
    /// A report that says nothing yet.
    pub fn new(profile: Profile) -> Self {
        Self { profile: profile.as_str().to_owned(), ..Self::default() }
    }

    /// Adds what else was found wrong.
    pub fn add(&mut self, problems: impl IntoIterator<Item = Problem>) {
        self.problems.extend(problems);
        self.passed &= self.problems.is_empty();
    }

    /// Writes the JSON to `file`.
    pub fn write(&self, file: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
    }
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
        row("lost", self.lost.to_string())?;
        row("duplicated", self.duplicated.to_string())?;
        row("charged twice", self.charged_twice.to_string())?;
        row("oversold SKUs", self.oversold_skus.len().to_string())?;
        for letter in &self.dead_letters {
            let NamedLetter { number, step, reason, error, order_id } = letter;
            let order = order_id.as_deref().unwrap_or("unknown");
            writeln!(f, "  † letter {number}, order {order}: {step} is {reason}: {error}")?;
        }
        for problem in &self.problems {
            writeln!(f, "  ✗ {}: {}", problem.subject, problem.detail)?;
        }
        let verdict = match (self.passed, self.quiet) {
            (false, _) => "audit: FAILED",
            (true, true) => "audit: passed",
            (true, false) => "audit: passed as far as can be told while orders move",
        };
        writeln!(f, "{verdict}")
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
