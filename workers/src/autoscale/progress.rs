//! How fast a pool is, and how fast one of its workers can be: pure.

use std::collections::VecDeque;
use std::time::Duration;

use super::sample::Sample;
use crate::limits::{SCALE_CALM, SCALE_CAPACITY_WEIGHT, SCALE_RATE_WINDOW};

/// What the samples of the last time say.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// The time of each sample, and the orders processed since the one before.
    samples: VecDeque<(Duration, u64)>,
    /// Orders a second that one worker has processed while others waited; 0 while that is not known.
    capacity: f64,
    /// Since when orders have waited and the same number of workers has pulled.
    busy_since: Option<(Duration, u32)>,
}

impl Progress {
    /// Takes note of a sample.
    pub(super) fn add(&mut self, sample: &Sample) {
        self.samples.push_back((sample.at, sample.done));
        let is_old = |(at, _): &(Duration, u64)| sample.at.saturating_sub(*at) > SCALE_CALM;
        while self.samples.front().is_some_and(is_old) {
            self.samples.pop_front();
        }
        let is_same = self.busy_since.is_some_and(|(_, pulling)| pulling == sample.pulling);
        if sample.orders == 0 || sample.is_held {
            self.busy_since = None;
        } else if !is_same {
            self.busy_since = Some((sample.at, sample.pulling));
        }
    }

    /// Orders that wait show how fast its workers can be.
    pub(super) fn measure_capacity(&mut self, sample: &Sample) {
        let Some((since, pulling)) = self.busy_since else { return };
        if pulling == 0 || sample.at.saturating_sub(since) < SCALE_RATE_WINDOW {
            return;
        }
        let measured = self.rate() / f64::from(pulling);
        let weight = if self.capacity > 0.0 { SCALE_CAPACITY_WEIGHT } else { 1.0 };
        self.capacity += weight * (measured - self.capacity);
    }

    /// Orders a second, lately.
    pub(super) fn rate(&self) -> f64 {
        let Some((last, _)) = self.samples.back() else { return 0.0 };
        self.rate_between(last.saturating_sub(SCALE_RATE_WINDOW), *last)
    }

    /// The most orders a second that one worker processes; 0 while that is not known.
    pub(super) const fn capacity(&self) -> f64 {
        self.capacity
    }

    /// Orders a second in the busiest part of the time in which a pool must be calm before it gets fewer workers.
    pub(super) fn busiest_rate(&self) -> f64 {
        let ends = self.samples.iter().map(|(at, _)| *at);
        let rates = ends.map(|end| self.rate_between(end.saturating_sub(SCALE_RATE_WINDOW), end));
        rates.fold(0.0, f64::max)
    }

    fn rate_between(&self, from: Duration, to: Duration) -> f64 {
        let mut samples = self.samples.iter().filter(|(at, _)| (from..=to).contains(at));
        // What the first one has counted came before it.
        let Some((first, _)) = samples.next() else { return 0.0 };
        let (mut last, mut done) = (*first, 0);
        for (at, count) in samples {
            (last, done) = (*at, done + count);
        }
        let seconds = last.saturating_sub(*first).as_secs_f64();
        if seconds > 0.0 { done as f64 / seconds } else { 0.0 }
    }
}
