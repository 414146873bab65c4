//! Percentiles of the times of many orders.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// Percentiles of times, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Percentiles {
    /// The median.
    pub p50: f64,
    /// The 90th percentile.
    pub p90: f64,
    /// The 99th percentile.
    pub p99: f64,
    /// The longest time.
    pub max: f64,
}

impl Percentiles {
    /// The percentiles of `times`, with a precision of three digits; `None` if there are no times.
    pub fn of(times: impl IntoIterator<Item = Duration>) -> Option<Self> {
        // From one microsecond to one hour.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_in_milliseconds() {
        let times = (1..=100).map(Duration::from_millis);
        let Percentiles { p50, p90, p99, max } = Percentiles::of(times).unwrap();
        for (actual, expected) in [(p50, 50.0), (p90, 90.0), (p99, 99.0), (max, 100.0)] {
            assert!((actual / expected - 1.0_f64).abs() < 0.001, "{actual} is not {expected}");
        }
        assert!(Percentiles::of([]).is_none());
    }
}
