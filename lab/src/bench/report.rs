//! The results of a run of benchmarks, and their table for people.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::cluster_report::ClusterReport;
use super::figure::Figure;
use super::host_info::HostInfo;
use super::load_run::LoadRun;
use super::measurements::Measurements;
use super::strike_report::StrikeReport;
use super::targets::comparison;

/// The results of a run of benchmarks.
#[derive(Debug, Clone, Serialize)]
pub struct BenchReport {
    /// Whether every benchmark finished and every audit passed.
    pub passed: bool,
    /// The machine that it ran on.
    #[serde(rename = "machine")]
    pub host: HostInfo,
    /// How it was measured.
    pub configuration: BTreeMap<&'static str, String>,
    /// The limits from which on orders are refused.
    pub admission: BTreeMap<&'static str, String>,
    /// The figures that have a target, by name.
    pub figures: BTreeMap<String, Figure>,
    /// Every benchmark, in the order in which they were run.
    pub benches: Vec<Outcome>,
}

/// The results of one benchmark.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// The benchmark's name.
    pub name: &'static str,
    /// Whether it finished and every audit passed. If not, no measurements are reported.
    pub passed: bool,
    /// The error that stopped it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The duration of the benchmark, in seconds.
    pub took_seconds: f64,
    /// The measurements.
    pub rows: Vec<Row>,
    /// Every run of the generator.
    pub runs: Vec<LoadRun>,
    /// Every cluster, with its audit.
    #[serde(rename = "stands")]
    pub clusters: Vec<ClusterReport>,
    /// Every strike on the brokers, for the benchmark that makes them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub strikes: Vec<StrikeReport>,
}

/// One measurement.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// The name of the measurement.
    pub name: String,
    /// Its median, smallest and largest sample.
    #[serde(flatten)]
    pub figure: Figure,
}

impl Outcome {
    /// The outcome of a benchmark, and its figures. There are none if it stopped with an error or
    /// an audit failed.
    pub(super) fn of(
        name: &'static str,
        took_seconds: f64,
        measurements: Measurements,
        error: Option<&anyhow::Error>,
    ) -> (Self, BTreeMap<String, Figure>) {
        let error = error.map(|err| format!("{err:#}"));
        let clusters = &measurements.clusters;
        let passed = error.is_none() && clusters.iter().all(|cluster| cluster.audit.passed);
        let mut rows = Vec::new();
        let mut figures = BTreeMap::new();
        let mut runs = Vec::new();
        let mut strikes = Vec::new();
        if passed {
            figures = measurements.figures();
            rows.extend(measurements.rows().into_iter().map(|(name, figure)| Row { name, figure }));
            runs = measurements.runs;
            strikes = measurements.strikes;
        }
        let clusters = measurements.clusters;
        (Self { name, passed, error, took_seconds, rows, runs, clusters, strikes }, figures)
    }
}

impl fmt::Display for BenchReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for outcome in &self.benches {
            writeln!(f, "\n{} ({:.0} s)", outcome.name, outcome.took_seconds)?;
            for Row { name, figure } in &outcome.rows {
                writeln!(f, "  {name:<58}{figure}")?;
            }
            if !outcome.strikes.is_empty() {
                writeln!(f, "\n{}", StrikeReport::line(StrikeReport::TITLES))?;
            }
            for strike in &outcome.strikes {
                writeln!(f, "{}", StrikeReport::line(strike.cells()))?;
            }
            if let Some(error) = &outcome.error {
                writeln!(f, "  no figures: benchmark failed: {error}")?;
            }
            for cluster in outcome.clusters.iter().filter(|cluster| !cluster.audit.passed) {
                writeln!(f, "  no figures: audit of {} failed\n{}", cluster.name, cluster.audit)?;
            }
        }
        if !self.figures.is_empty() {
            writeln!(f, "\nfigures{:53}median  [smallest – largest]  threshold; goal", "")?;
        }
        for (name, figure) in &self.figures {
            writeln!(f, "  {name:<58}{figure}{}", comparison(name, figure.median))?;
        }
        if !self.host.is_release {
            writeln!(f, "\nThis is not a --release build: the figures are meaningless.")?;
        }
        writeln!(f, "\nbenchmarks and audits: {}", if self.passed { "passed" } else { "FAILED" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace::audit::Report;

    fn measurements(passed: bool) -> Measurements {
        let mut measurements = Measurements::default();
        measurements.add_figure("hot_vs_uniform", "ratio", 1.0);
        measurements.add_row("a row", "orders/s", 1.0);
        let audit = Report { passed, ..Report::default() };
        let (seconds, memory) = (Vec::new(), BTreeMap::new());
        let name = "hot".to_owned();
        measurements.clusters.push(ClusterReport { name, audit, seconds, memory });
        measurements
    }

    #[test]
    fn a_bench_that_fails_or_whose_audit_fails_reports_no_figures() {
        let (outcome, figures) = Outcome::of("hot", 1.0, measurements(true), None);
        assert!(outcome.passed && figures.len() == 1 && outcome.rows.len() == 1);
        let failure = anyhow::anyhow!("the disk is full").context("cannot write");
        for (audited, error) in [(false, None), (true, Some(&failure))] {
            let (outcome, figures) = Outcome::of("hot", 1.0, measurements(audited), error);
            assert!(!outcome.passed && figures.is_empty() && outcome.rows.is_empty());
            assert_eq!(outcome.error.as_deref(), error.map(|_| "cannot write: the disk is full"));
        }
    }
}
