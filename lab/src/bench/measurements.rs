//! The measurements of a benchmark: named samples, its runs and its clusters.

use std::collections::BTreeMap;

use super::cluster_report::ClusterReport;
use super::figure::Figure;
use super::load_run::LoadRun;
use super::strike_report::StrikeReport;
use crate::load::PhaseResult;

/// Samples by name, in the order in which the names were first added.
#[derive(Debug, Default)]
pub(super) struct Samples(Vec<(String, &'static str, Vec<f64>)>);

/// Everything that one benchmark measured.
#[derive(Debug, Default)]
pub(super) struct Measurements {
    /// The figures that have a target, by name.
    figures: Samples,
    /// Everything else.
    rows: Samples,
    /// Every run of the generator.
    pub(super) runs: Vec<LoadRun>,
    /// Every cluster, with its audit.
    pub(super) clusters: Vec<ClusterReport>,
    /// Every strike on the brokers.
    pub(super) strikes: Vec<StrikeReport>,
}

impl Samples {
    /// Adds a sample. A ratio with a zero denominator is left out: the number of samples shows that
    /// one is missing.
    fn add(&mut self, name: &str, unit: &'static str, sample: f64) {
        if !sample.is_finite() {
            return;
        }
        match self.0.iter_mut().find(|(known, ..)| known == name) {
            Some((.., samples)) => samples.push(sample),
            None => self.0.push((name.to_owned(), unit, vec![sample])),
        }
    }

    /// The figure of each name.
    pub(super) fn figures(&self) -> impl Iterator<Item = (String, Figure)> {
        self.0.iter().map(|(name, unit, samples)| (name.clone(), Figure::of(samples, unit)))
    }
}

impl Measurements {
    /// Adds one sample of a figure that has a target.
    pub(super) fn add_figure(&mut self, name: &str, unit: &'static str, sample: f64) {
        self.figures.add(name, unit, sample);
    }

    /// Adds one sample of anything else.
    pub(super) fn add_row(&mut self, name: &str, unit: &'static str, sample: f64) {
        self.rows.add(name, unit, sample);
    }

    /// Adds rate and times of one run with the name `name`.
    pub(super) fn add_result(&mut self, name: &str, result: &PhaseResult) {
        self.add_row(&rate_row(name), "orders/s", result.rate());
        self.add_row(&format!("{name}: ack p50"), "ms", result.times.p50);
        self.add_row(&format!("{name}: ack p99"), "ms", result.times.p99);
        if result.failures() > 0 {
            self.add_row(&format!("{name}: failures"), "requests", result.failures() as f64);
        }
    }

    /// The median rate so far of the runs with the name `name`; at least 1, also if there are none.
    pub(super) fn median_rate(&self, name: &str) -> f64 {
        self.median(&rate_row(name)).unwrap_or_default().max(1.0)
    }

    /// The rate of the last run with the name `name`; at least 1, also if there is none.
    pub(super) fn last_rate(&self, name: &str) -> f64 {
        let samples = self.rows.0.iter().find(|(row, ..)| *row == rate_row(name));
        samples.and_then(|(.., samples)| samples.last().copied()).unwrap_or_default().max(1.0)
    }

    /// Adds the orders completed per second of one run with the name `name`.
    pub(super) fn add_completion_rate(&mut self, name: &str, rate: f64) {
        self.add_row(&completion_row(name), "orders/s", rate);
    }

    /// The median completion rate so far; at least 1, also if there are no runs.
    pub(super) fn median_completion_rate(&self, name: &str) -> f64 {
        self.median(&completion_row(name)).unwrap_or_default().max(1.0)
    }

    /// The figures by name.
    pub(super) fn figures(&self) -> BTreeMap<String, Figure> {
        self.figures.figures().collect()
    }

    /// The other rows, in the order in which they were added.
    pub(super) fn rows(&self) -> Vec<(String, Figure)> {
        self.rows.figures().collect()
    }

    /// The median of a row's samples so far.
    fn median(&self, row: &str) -> Option<f64> {
        self.rows.figures().find(|(name, _)| name == row).map(|(_, figure)| figure.median)
    }
}

fn rate_row(name: &str) -> String {
    format!("{name}: rate")
}

fn completion_row(name: &str) -> String {
    format!("{name}: completed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_the_order_in_which_they_were_added() {
        let mut measurements = Measurements::default();
        for (name, sample) in [("b", 1.0), ("a", 2.0), ("b", 3.0)] {
            measurements.add_row(name, "s", sample);
        }
        let rows = measurements.rows().into_iter();
        let counts: Vec<_> = rows.map(|(name, figure)| (name, figure.samples)).collect();
        assert_eq!(counts, [("b".to_owned(), 2), ("a".to_owned(), 1)]);
        assert_eq!(measurements.median("b"), Some(2.0));
    }
}
