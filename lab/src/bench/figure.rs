//! A figure: the median of samples, the smallest and the largest.

use std::fmt;

use serde::Serialize;

/// The median of samples, the smallest and the largest.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// The median of the samples.
    pub median: f64,
    /// The smallest sample.
    pub min: f64,
    /// The largest sample.
    pub max: f64,
    /// The unit of the samples.
    pub unit: String,
    /// The number of samples.
    pub samples: usize,
}

impl Figure {
    /// The figure of `samples`, of which there is at least one.
    pub(super) fn of(samples: &[f64], unit: &str) -> Self {
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

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [median, min, max] = [self.median, self.min, self.max].map(short);
        write!(f, "{median:>10}  [{min} – {max}]  {}", self.unit)
    }
}

/// A number with three significant digits, which is enough for a measurement.
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

    #[test]
    fn the_median_does_not_depend_on_the_order_of_the_samples() {
        let figure = Figure::of(&[3.0, 1.0, 10.0], "ratio");
        assert_eq!((figure.median, figure.min, figure.max), (3.0, 1.0, 10.0));
        assert!((Figure::of(&[4.0, 1.0], "ratio").median - 2.5).abs() < f64::EPSILON);
    }
}
