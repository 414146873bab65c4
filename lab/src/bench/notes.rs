//! What a bench measured: samples under a name, and what they come to.

use std::collections::BTreeMap;

use serde::Serialize;

use super::load_run::LoadRun;
use super::stand::StandReport;
use crate::load::PhaseResult;

/// A figure: the median of its samples, the smallest and the largest.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// Half of the samples are no larger.
    pub median: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// What it counts.
    pub unit: String,
    /// How many samples there are.
    pub samples: usize,
}

/// Samples by name, in the order in which the names first came.
#[derive(Debug, Default)]
pub(super) struct Samples(Vec<(String, &'static str, Vec<f64>)>);

/// All that one bench has to tell.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// The figures that have a mark to reach, by the names that the marks have.
    figures: Samples,
    /// Everything else.
    rows: Samples,
    /// Every run of the generator.
    pub(super) runs: Vec<LoadRun>,
    /// Every cluster, with its audit.
    pub(super) stands: Vec<StandReport>,
}

impl Samples {
    /// Takes a sample. A ratio to nothing is none: the number of samples tells that one is missing.
    fn add(&mut self, name: &str, unit: &'static str, sample: f64) {
        if !sample.is_finite() {
            return;
        }
        match self.0.iter_mut().find(|(its, ..)| its == name) {
            Some((.., samples)) => samples.push(sample),
            None => self.0.push((name.to_owned(), unit, vec![sample])),
        }
    }

    /// What the samples come to.
    pub(super) fn figures(&self) -> impl Iterator<Item = (String, Figure)> {
        self.0.iter().map(|(name, unit, samples)| (name.clone(), Figure::of(samples, unit)))
    }
}

impl Notes {
    /// One sample of a figure that has a mark to reach.
    pub(super) fn figure(&mut self, name: &str, unit: &'static str, sample: f64) {
        self.figures.add(name, unit, sample);
    }

    /// One sample of anything else.
    pub(super) fn row(&mut self, name: &str, unit: &'static str, sample: f64) {
        self.rows.add(name, unit, sample);
    }

    /// Rate and times of one run that is called `name`.
    pub(super) fn result(&mut self, name: &str, result: &PhaseResult) {
        self.row(&rate_of(name), "orders/s", result.rate());
        self.row(&format!("{name}: ack p50"), "ms", result.times.p50);
        self.row(&format!("{name}: ack p99"), "ms", result.times.p99);
        if result.failures() > 0 {
            self.row(&format!("{name}: failures"), "requests", result.failures() as f64);
        }
    }

    /// The middle rate so far of the runs that are called `name`; a trickle where there is none.
    pub(super) fn median_rate(&self, name: &str) -> f64 {
        self.median(&rate_of(name)).unwrap_or_default().max(1.0)
    }

    /// Orders that came to their end a second, in the run that is called `name`.
    pub(super) fn carried(&mut self, name: &str, rate: f64) {
        self.row(&carried(name), "orders/s", rate);
    }

    /// The middle one of these so far; a trickle where there is none.
    pub(super) fn median_carried(&self, name: &str) -> f64 {
        self.median(&carried(name)).unwrap_or_default().max(1.0)
    }

    /// The figures by name.
    pub(super) fn figures(&self) -> BTreeMap<String, Figure> {
        self.figures.figures().collect()
    }

    /// The other rows, in their order.
    pub(super) fn rows(&self) -> Vec<(String, Figure)> {
        self.rows.figures().collect()
    }

    /// The middle one of a row's samples so far.
    fn median(&self, row: &str) -> Option<f64> {
        self.rows.figures().find(|(name, _)| name == row).map(|(_, figure)| figure.median)
    }
}

fn rate_of(name: &str) -> String {
    format!("{name}: rate")
}

fn carried(name: &str) -> String {
    format!("{name}: carried to the end")
}

impl Figure {
    /// What `samples`, at least one, come to.
    fn of(samples: &[f64], unit: &str) -> Self {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (lower, upper) = (sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
        Self {
            median: f64::midpoint(lower, upper),
            min: sorted[0],
            max: sorted[sorted.len() - 1],
            unit: unit.to_owned(),
            samples: sorted.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle_whatever_the_order() {
        let figure = Figure::of(&[3.0, 1.0, 10.0], "ratio");
        assert_eq!((figure.median, figure.min, figure.max), (3.0, 1.0, 10.0));
        assert!((Figure::of(&[4.0, 1.0], "ratio").median - 2.5).abs() < f64::EPSILON);
    }

    #[test]
    fn names_keep_the_order_in_which_they_came() {
        let mut notes = Notes::default();
        for (name, sample) in [("b", 1.0), ("a", 2.0), ("b", 3.0)] {
            notes.row(name, "s", sample);
        }
        let names: Vec<_> = notes.rows().into_iter().map(|(name, it)| (name, it.samples)).collect();
        assert_eq!(names, [("b".to_owned(), 2), ("a".to_owned(), 1)]);
        assert_eq!(notes.median("b"), Some(2.0));
    }
}
