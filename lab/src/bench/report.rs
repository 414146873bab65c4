//! What a run of benches came to: `report.json` for machines, a table for people.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

use super::load_run::LoadRun;
use super::machine::Machine;
use super::marks::MARKS;
use super::notes::{Figure, Notes};
use super::page;
use super::stand::StandReport;

/// What a run of benches came to.
#[derive(Debug, Clone, Serialize)]
pub struct BenchReport {
    /// Whether every bench came to its end and every audit passed.
    pub passed: bool,
    /// What it was measured on.
    pub machine: Machine,
    /// How it was measured.
    pub configuration: BTreeMap<&'static str, String>,
    /// When orders are refused.
    pub admission: BTreeMap<&'static str, String>,
    /// The figures that have a mark to reach, by name.
    pub figures: BTreeMap<String, Figure>,
    /// Every bench, in the order in which they were run.
    pub benches: Vec<Outcome>,
}

/// What one bench came to.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// Its name.
    pub name: &'static str,
    /// Whether it came to its end and every audit passed. If not, nothing that was measured is told.
    pub passed: bool,
    /// Why it did not come to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// How long it took.
    pub took_seconds: f64,
    /// What was measured.
    pub rows: Vec<Row>,
    /// Every run of the generator.
    pub runs: Vec<LoadRun>,
    /// Every cluster, with its audit.
    pub stands: Vec<StandReport>,
}

/// Something that was measured.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// What.
    pub name: String,
    /// What it came to.
    #[serde(flatten)]
    pub figure: Figure,
}

impl Outcome {
    /// The outcome of a bench, and its figures. Where it broke off or an audit failed there are none.
    pub(super) fn of(
        name: &'static str,
        took_seconds: f64,
        notes: Notes,
        error: Option<&anyhow::Error>,
    ) -> (Self, BTreeMap<String, Figure>) {
        let error = error.map(|err| format!("{err:#}"));
        let passed = error.is_none() && notes.stands.iter().all(|stand| stand.audit.passed);
        let (mut rows, mut figures) = (Vec::new(), BTreeMap::new());
        let mut runs = Vec::new();
        if passed {
            figures = notes.figures();
            rows.extend(notes.rows().into_iter().map(|(name, figure)| Row { name, figure }));
            runs = notes.runs;
        }
        (Self { name, passed, error, took_seconds, rows, runs, stands: notes.stands }, figures)
    }
}

impl BenchReport {
    /// Writes `report.json` and `report.html` into `folder`.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let write = |name: &str, text: String| {
            let file = folder.join(name);
            fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))
        };
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        write("report.json", serde_json::to_string_pretty(self)? + "\n")?;
        write("report.html", page::page(self))
    }
}

impl fmt::Display for BenchReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for outcome in &self.benches {
            writeln!(f, "\n{} ({:.0} s)", outcome.name, outcome.took_seconds)?;
            for Row { name, figure } in &outcome.rows {
                writeln!(f, "  {name:<58}{figure}")?;
            }
            if let Some(error) = &outcome.error {
                writeln!(f, "  no figure, for it could not be measured: {error}")?;
            }
            for stand in outcome.stands.iter().filter(|stand| !stand.audit.passed) {
                writeln!(f, "  {}: no figure, for its audit failed\n{}", stand.name, stand.audit)?;
            }
        }
        if !self.figures.is_empty() {
            writeln!(f, "\nfigures{:53}median  [smallest – largest]  first mark; goal", "")?;
        }
        for (name, figure) in &self.figures {
            writeln!(f, "  {name:<58}{figure}{}", marks(name, figure.median))?;
        }
        if !self.machine.is_release {
            writeln!(f, "\nThis program was not built with --release: the figures mean nothing.")?;
        }
        writeln!(f, "\nbenches and audits: {}", if self.passed { "passed" } else { "FAILED" })
    }
}

/// The marks of the figure `name`, and whether the first is reached.
pub(super) fn marks(name: &str, median: f64) -> String {
    let Some(mark) = MARKS.iter().find(|mark| mark.figure == name) else { return String::new() };
    let Some((first, goal)) = mark.marks else { return "  reported".to_owned() };
    let word = if mark.is_reached(median) == Some(true) { "reached" } else { "missed" };
    format!("  {first}; {goal}: {word}")
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [median, min, max] = [self.median, self.min, self.max].map(short);
        write!(f, "{median:>10}  [{min} – {max}]  {}", self.unit)
    }
}

/// Three digits that mean something are enough.
pub(super) fn short(number: f64) -> String {
    match number.abs() {
        0.0 => "0".to_owned(),
        size if size >= 100.0 => format!("{number:.0}"),
        size if size >= 10.0 => format!("{number:.1}"),
        _ => format!("{number:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace::audit::Report;

    fn notes(passed: bool) -> Notes {
        let mut notes = Notes::default();
        notes.figure("hot_vs_uniform", "ratio", 1.0);
        notes.row("a row", "orders/s", 1.0);
        let audit = Report { passed, ..Report::default() };
        let (seconds, memory) = (Vec::new(), BTreeMap::new());
        notes.stands.push(StandReport { name: "hot".to_owned(), audit, seconds, memory });
        notes
    }

    #[test]
    fn a_bench_that_breaks_off_or_whose_audit_fails_tells_no_figure() {
        let (outcome, figures) = Outcome::of("hot", 1.0, notes(true), None);
        assert!(outcome.passed && figures.len() == 1 && outcome.rows.len() == 1);
        let broken = anyhow::anyhow!("the disk is full").context("no promises");
        for (audited, error) in [(false, None), (true, Some(&broken))] {
            let (outcome, figures) = Outcome::of("hot", 1.0, notes(audited), error);
            assert!(!outcome.passed && figures.is_empty() && outcome.rows.is_empty());
            assert_eq!(outcome.error.as_deref(), error.map(|_| "no promises: the disk is full"));
        }
    }
}
