//! How many calls to the provider may be in flight: halved when it refuses calls because there are
//! too many, and raised by one for each few that succeed (AIMD, as TCP does). A pure state machine:
//! the time is passed in.

use std::time::Instant;

use crate::limits::CALLS_PER_RAISE;

/// The limit, from 1 to its maximum, and the calls in flight.
#[derive(Debug)]
pub(super) struct CallLimit {
    maximum: usize,
    allowed: usize,
    in_flight: usize,
    /// Calls that have succeeded since the limit was changed.
    successes: usize,
    cut_at: Option<Instant>,
}

impl CallLimit {
    /// The limit at its maximum, which is at least 1.
    pub(super) fn new(maximum: usize) -> Self {
        let maximum = maximum.max(1);
        Self { maximum, allowed: maximum, in_flight: 0, successes: 0, cut_at: None }
    }

    /// The current limit.
    pub(super) const fn allowed(&self) -> usize {
        self.allowed
    }

    /// Whether another call may start now.
    pub(super) const fn has_room(&self) -> bool {
        self.in_flight < self.allowed
    }

    /// Starts a call. Returns false if none may start.
    pub(super) const fn try_start(&mut self) -> bool {
        if !self.has_room() {
            return false;
        }
        self.in_flight += 1;
        true
    }

    /// A call has finished.
    pub(super) const fn finish(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// The provider has answered a call.
    pub(super) fn record_success(&mut self) {
        self.successes += 1;
        if self.successes >= CALLS_PER_RAISE {
            self.successes = 0;
            self.allowed = (self.allowed + 1).min(self.maximum);
        }
    }

    /// The provider has refused a call that began at `started`. Returns whether the limit was cut:
    /// calls that were in flight at the last cut say nothing about the limit since.
    pub(super) fn record_refusal(&mut self, started: Instant, now: Instant) -> bool {
        if self.cut_at.is_some_and(|cut_at| started <= cut_at) {
            return false;
        }
        self.cut_at = Some(now);
        self.successes = 0;
        self.allowed = (self.allowed / 2).max(1);
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn limit_and_clock(maximum: usize) -> (CallLimit, impl Fn(u64) -> Instant) {
        let start = Instant::now();
        (CallLimit::new(maximum), move |millis| start + Duration::from_millis(millis))
    }

    fn succeed(limit: &mut CallLimit, calls: usize) {
        (0..calls).for_each(|_| limit.record_success());
    }

    #[test]
    fn no_more_calls_start_than_are_allowed() {
        let (mut limit, _) = limit_and_clock(2);
        assert!(limit.try_start() && limit.try_start() && !limit.try_start());
        limit.finish();
        assert!(limit.try_start() && !limit.has_room());
    }

    #[test]
    fn a_refusal_halves_the_limit_down_to_one() {
        let (mut limit, at) = limit_and_clock(9);
        let mut allowed = Vec::new();
        for step in 1..6 {
            assert!(limit.record_refusal(at(step * 10), at(step * 10 + 5)));
            allowed.push(limit.allowed());
        }
        assert_eq!(allowed, [4, 2, 1, 1, 1]);
        assert_eq!(CallLimit::new(0).allowed(), 1);
    }

    #[test]
    fn the_calls_of_one_burst_halve_the_limit_once() {
        let (mut limit, at) = limit_and_clock(64);
        assert!(limit.record_refusal(at(0), at(10)));
        assert!(!limit.record_refusal(at(0), at(11)));
        assert!(!limit.record_refusal(at(9), at(12)));
        assert_eq!(limit.allowed(), 32);
        assert!(limit.record_refusal(at(11), at(20)));
        assert_eq!(limit.allowed(), 16);
    }

    #[test]
    fn the_limit_grows_by_one_for_each_few_successes_up_to_its_maximum() {
        let (mut limit, at) = limit_and_clock(4);
        limit.record_refusal(at(0), at(1));
        succeed(&mut limit, CALLS_PER_RAISE - 1);
        assert_eq!(limit.allowed(), 2);
        succeed(&mut limit, 1);
        assert_eq!(limit.allowed(), 3);
        succeed(&mut limit, 10 * CALLS_PER_RAISE);
        assert_eq!(limit.allowed(), 4);
    }

    #[test]
    fn calls_in_flight_at_a_cut_count_against_the_new_limit() {
        let (mut limit, at) = limit_and_clock(4);
        (0..4).for_each(|_| assert!(limit.try_start()));
        limit.record_refusal(at(0), at(1));
        (0..2).for_each(|_| limit.finish());
        assert!(!limit.try_start());
        limit.finish();
        assert!(limit.try_start());
    }
}
