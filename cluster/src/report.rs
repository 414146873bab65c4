//! What a run came to: one JSON object for machines, one table for people.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use hdrhistogram::Histogram;
use serde::Serialize;
use streams::Profile;

/// What a run came to.
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
    /// From the post to the 202, in milliseconds.
    pub ack_ms: Option<Percentiles>,
    /// From the post to the final state, in milliseconds.
    pub final_ms: Option<Percentiles>,
    /// Orders carried to their end, a second.
    pub orders_per_second: Option<f64>,
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

/// Times of many orders, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Percentiles {
    /// Half of them took no longer.
    pub p50: f64,
    /// Nine of ten took no longer.
    pub p90: f64,
    /// 99 of a hundred took no longer.
    pub p99: f64,
    /// None took longer.
    pub max: f64,
}

impl Percentiles {
    /// Of `times`, to a thousandth; `None` where there are none.
    pub fn of(times: impl IntoIterator<Item = Duration>) -> Option<Self> {
        // From a microsecond to an hour.
        let mut histogram = Histogram::<u64>::new_with_bounds(1, 3_600_000_000, 3).ok()?;
        for time in times {
            histogram.saturating_record(time.as_micros() as u64);
        }
        let millis = |quantile| histogram.value_at_quantile(quantile) as f64 / 1_000.0;
        (!histogram.is_empty()).then(|| Self {
            p50: millis(0.50),
            p90: millis(0.90),
            p99: millis(0.99),
            max: histogram.max() as f64 / 1_000.0,
        })
    }
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
        let times = [("to the 202", self.ack_ms), ("to the end", self.final_ms)];
        for (name, times) in times.into_iter().filter_map(|(name, times)| Some((name, times?))) {
            let Percentiles { p50, p90, p99, max } = times;
            row(name, format!("p50 {p50:.1}  p90 {p90:.1}  p99 {p99:.1}  max {max:.1} ms"))?;
        }
        if let Some(rate) = self.orders_per_second {
            row("orders a second", format!("{rate:.0}"))?;
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_told_in_milliseconds() {
        let times = (1..=100).map(Duration::from_millis);
        let Percentiles { p50, p90, p99, max } = Percentiles::of(times).unwrap();
        for (told, expected) in [(p50, 50.0), (p90, 90.0), (p99, 99.0), (max, 100.0)] {
            assert!((told / expected - 1.0_f64).abs() < 0.001, "{told} is not {expected}");
        }
        assert!(Percentiles::of([]).is_none());
    }
}
