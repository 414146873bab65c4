//! What is counted while orders are posted.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::plan::{Second, Times};

/// The longest time that is told apart from longer ones, in microseconds.
const LONGEST_MICROS: u64 = 120_000_000;
/// Steps of the curve towards the last order: each halves what is left.
const CURVE_STEPS_A_HALF: u32 = 4;

/// Counts of one phase.
pub(super) struct PhaseStats {
    begun: Instant,
    all: Histogram<u64>,
    this_second: Histogram<u64>,
    seconds: Vec<Second>,
    pub(super) acknowledged: u64,
    /// When the last answer came.
    pub(super) last_answer: Instant,
    pub(super) statuses: BTreeMap<u16, u64>,
    pub(super) broken: u64,
    pub(super) unsent: u64,
}

impl PhaseStats {
    pub(super) fn new(begun: Instant) -> Self {
        Self {
            begun,
            all: histogram(),
            this_second: histogram(),
            seconds: Vec::new(),
            acknowledged: 0,
            last_answer: begun,
            statuses: BTreeMap::new(),
            broken: 0,
            unsent: 0,
        }
    }

    /// An answer of class 2xx that came `now`, to an order that was due at `due`.
    pub(super) fn acknowledge(&mut self, due: Instant, now: Instant) {
        self.turn_to(now);
        self.acknowledged += 1;
        self.last_answer = now;
        let took = micros(now - due);
        self.all.saturating_record(took);
        self.this_second.saturating_record(took);
    }

    /// An order that had waited since `due` when the phase ended, `now`.
    pub(super) fn leave_unsent(&mut self, due: Instant, now: Instant) {
        self.unsent += 1;
        self.all.saturating_record(micros(now.saturating_duration_since(due)));
    }

    /// The times of all, and of each second.
    pub(super) fn close(mut self, now: Instant) -> (Times, Vec<Second>) {
        self.turn_to(now);
        (times(&self.all), self.seconds)
    }

    /// Closes the seconds that are over.
    fn turn_to(&mut self, now: Instant) {
        let second = (now - self.begun).as_secs() as usize;
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
    Histogram::new_with_bounds(1, LONGEST_MICROS, 3).expect("the bounds are in order")
}

fn times(histogram: &Histogram<u64>) -> Times {
    let at = |quantile| millis(histogram.value_at_quantile(quantile));
    let curve = histogram.iter_quantiles(CURVE_STEPS_A_HALF);
    Times {
        p50: at(0.50),
        p90: at(0.90),
        p99: at(0.99),
        p999: at(0.999),
        max: millis(histogram.max()),
        curve: curve.map(|it| (it.quantile(), millis(it.value_iterated_to()))).collect(),
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
    fn what_could_not_be_sent_counts_as_late() {
        let begun = Instant::now();
        let mut phase_stats = PhaseStats::new(begun);
        phase_stats.acknowledge(begun, begun + Duration::from_millis(1));
        phase_stats.leave_unsent(begun, begun + Duration::from_millis(900));
        let (times, seconds) = phase_stats.close(begun + Duration::from_millis(2_500));
        assert!((times.p99 / 900.0 - 1.0).abs() < 0.01, "{times:?}");
        assert_eq!(seconds.iter().map(|it| it.acknowledged).collect::<Vec<_>>(), [1, 0]);
    }
}
