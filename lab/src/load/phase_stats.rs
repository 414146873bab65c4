//! Counts and histograms of one phase.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::plan::{Second, Times};

/// The upper bound of the histogram, in microseconds; longer times are recorded as this.
const HISTOGRAM_MAX_MICROS: u64 = 120_000_000;
/// Points of the curve for each halving of the distance to the last order.
const CURVE_STEPS_PER_HALF: u32 = 4;

/// Counts and histograms of one phase.
pub(super) struct PhaseStats {
    started: Instant,
    all: Histogram<u64>,
    this_second: Histogram<u64>,
    seconds: Vec<Second>,
    pub(super) acknowledged: u64,
    /// When the last 2xx was received.
    pub(super) last_acknowledged: Instant,
    pub(super) statuses: BTreeMap<u16, u64>,
    pub(super) broken: u64,
    pub(super) unsent: u64,
}

impl PhaseStats {
    pub(super) fn new(started: Instant) -> Self {
        Self {
            started,
            all: histogram(),
            this_second: histogram(),
            seconds: Vec::new(),
            acknowledged: 0,
            last_acknowledged: started,
            statuses: BTreeMap::new(),
            broken: 0,
            unsent: 0,
        }
    }

    /// Records a 2xx that was received `now`, for an order that was due at `due`.
    pub(super) fn record_acknowledged(&mut self, due: Instant, now: Instant) {
        self.advance_to(now);
        self.acknowledged += 1;
        self.last_acknowledged = now;
        let took = micros(now - due);
        self.all.saturating_record(took);
        self.this_second.saturating_record(took);
    }

    /// Records an order that was due at `due` and still unsent at the end of the phase, `now`.
    pub(super) fn record_unsent(&mut self, due: Instant, now: Instant) {
        self.unsent += 1;
        self.all.saturating_record(micros(now.saturating_duration_since(due)));
    }

    /// The times of the phase, and of each second.
    pub(super) fn into_times(mut self, now: Instant) -> (Times, Vec<Second>) {
        self.advance_to(now);
        (times(&self.all), self.seconds)
    }

    /// Closes the seconds that have passed.
    fn advance_to(&mut self, now: Instant) {
        let second = (now - self.started).as_secs() as usize;
        while self.seconds.len() < second {
            self.seconds.push(Second {
                acknowledged: self.this_second.len(),
                p50: millis(self.this_second.value_at_quantile(0.50)),
                p99: millis(self.this_second.value_at_quantile(0.99)),
            });
            self.this_second.reset();
        }
    }
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, HISTOGRAM_MAX_MICROS, 3).expect("the bounds are valid")
}

fn times(histogram: &Histogram<u64>) -> Times {
    let at = |quantile| millis(histogram.value_at_quantile(quantile));
    let curve = histogram.iter_quantiles(CURVE_STEPS_PER_HALF);
    Times {
        p50: at(0.50),
        p90: at(0.90),
        p99: at(0.99),
        p999: at(0.999),
        max: millis(histogram.max()),
        curve: curve.map(|step| (step.quantile(), millis(step.value_iterated_to()))).collect(),
    }
}

fn micros(time: Duration) -> u64 {
    time.as_micros() as u64
}

fn millis(micros: u64) -> f64 {
    micros as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unsent_order_counts_in_the_times_with_its_whole_delay() {
        let started = Instant::now();
        let mut stats = PhaseStats::new(started);
        stats.record_acknowledged(started, started + Duration::from_millis(1));
        stats.record_unsent(started, started + Duration::from_millis(900));
        let (times, seconds) = stats.into_times(started + Duration::from_millis(2_500));
        assert!((times.p99 / 900.0 - 1.0).abs() < 0.01, "{times:?}");
        assert_eq!(seconds.iter().map(|second| second.acknowledged).collect::<Vec<_>>(), [1, 0]);
    }
}
