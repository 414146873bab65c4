//! A token bucket: how many records may be pulled under a rate. What was pulled beyond it is owed. Pure.

use std::time::Duration;

use tokio::time::Instant;

use crate::limits::RATE_BURST;

#[derive(Debug, Clone, Copy)]
pub(super) struct TokenBucket {
    /// Tokens a second.
    rate: f64,
    /// Those that there are; below zero if some are owed.
    tokens: f64,
    at: Instant,
}

impl TokenBucket {
    /// A full one.
    pub(super) fn new(rate: f64, at: Instant) -> Self {
        Self { rate, tokens: capacity(rate), at }
    }

    /// The same with another rate.
    pub(super) fn with_rate(mut self, rate: f64, now: Instant) -> Self {
        self.fill(now);
        Self { rate, tokens: self.tokens.min(capacity(rate)), ..self }
    }

    /// The whole tokens that there are.
    pub(super) fn available(&mut self, now: Instant) -> usize {
        self.fill(now);
        // A little less than one is one: sums of fractions are not exact.
        (self.tokens + 1e-6).max(0.0) as usize
    }

    /// When there is one.
    pub(super) fn next_at(&self, now: Instant) -> Instant {
        now + Duration::from_secs_f64((1.0 - self.tokens).max(0.0) / self.rate)
    }

    /// Takes tokens, also those that there are not.
    pub(super) fn take(&mut self, tokens: usize, now: Instant) {
        self.fill(now);
        self.tokens -= tokens as f64;
    }

    fn fill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.tokens = (self.tokens + passed * self.rate).min(capacity(self.rate));
        self.at = self.at.max(now);
    }
}

/// The most tokens at once: without a whole one nothing could be taken.
fn capacity(rate: f64) -> f64 {
    (rate * RATE_BURST.as_secs_f64()).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_at_the_rate_and_at_most_those_of_a_second_are_kept() {
        let start = Instant::now();
        let mut bucket = TokenBucket::new(4.0, start);
        bucket.take(4, start);
        assert_eq!(bucket.available(start), 0);
        assert_eq!(bucket.available(start + Duration::from_millis(500)), 2);
        assert_eq!(bucket.available(start + Duration::from_hours(1)), 4);
    }

    #[test]
    fn a_rate_of_less_than_one_a_second_gives_one_after_some_seconds() {
        let start = Instant::now();
        let mut bucket = TokenBucket::new(0.25, start);
        assert_eq!(bucket.available(start), 1);
        bucket.take(1, start);
        let next = bucket.next_at(start);
        assert_eq!(next, start + Duration::from_secs(4));
        assert_eq!(bucket.available(next), 1);
    }
}
