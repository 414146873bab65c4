//! How many calls to the provider may be in flight: as many as it bears. A pure state machine: the time is
//! passed in.
//!
//! While calls wait for a slot, the limit grows: by one for each call that succeeds at first, so that it doubles
//! with each round, and by one for each few after the provider has once refused some, as TCP does. A refusal
//! because there are too many halves it, and it stays below what was refused for a while. Until then, calls
//! that are slower than others of their kind say that the provider has enough, and do not raise it.

use std::time::{Duration, Instant};

use super::call_results::CallKind;
use super::call_speeds::CallSpeeds;
use crate::limits::{CALLS_PER_RAISE, PROVIDER_CALLS_AT_START, REFUSED_LIMIT_AGE_MAX};

/// The limit, from 1 to its maximum, and the calls in flight.
#[derive(Debug)]
pub(super) struct CallLimit {
    maximum: usize,
    allowed: usize,
    in_flight: usize,
    /// Calls that have succeeded since the limit was changed.
    successes: usize,
    speeds: CallSpeeds,
    refused: Option<Refused>,
}

/// The limit under which the provider has last refused calls, and when.
#[derive(Debug, Clone, Copy)]
struct Refused {
    limit: usize,
    at: Instant,
}

impl CallLimit {
    /// The limit at its start. The maximum is at least 1.
    pub(super) fn new(maximum: usize) -> Self {
        let maximum = maximum.max(1);
        Self {
            maximum,
            allowed: maximum.min(PROVIDER_CALLS_AT_START),
            in_flight: 0,
            successes: 0,
            speeds: CallSpeeds::default(),
            refused: None,
        }
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

    /// The provider has answered a call, which is still in flight, after this time.
    pub(super) fn record_success(&mut self, kind: CallKind, took: Duration, now: Instant) {
        let is_fast = self.speeds.record(kind, took, now);
        let is_held_back = !is_fast && self.refused.is_none();
        if is_held_back || self.has_room() {
            return;
        }
        self.successes += 1;
        if self.refused.is_none() || self.successes >= CALLS_PER_RAISE {
            self.successes = 0;
            self.allowed = self.highest(now).min(self.allowed + 1).max(self.allowed);
        }
    }

    /// The provider has refused a call that began at `started`. Returns whether the limit was cut:
    /// calls that were in flight at the last cut say nothing about the limit since.
    pub(super) fn record_refusal(&mut self, started: Instant, now: Instant) -> bool {
        if self.refused.is_some_and(|last| started <= last.at) {
            return false;
        }
        self.refused = Some(Refused { limit: self.allowed, at: now });
        self.successes = 0;
        self.allowed = (self.allowed / 2).max(1);
        true
    }

    /// What the limit may grow to: a tenth less than what was refused lately.
    fn highest(&self, now: Instant) -> usize {
        let is_recent = |it: &Refused| now.saturating_duration_since(it.at) < REFUSED_LIMIT_AGE_MAX;
        self.refused.filter(is_recent).map_or(self.maximum, |it| it.limit * 9 / 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit_and_clock(maximum: usize) -> (CallLimit, impl Fn(u64) -> Instant) {
        let start = Instant::now();
        (CallLimit::new(maximum), move |millis| start + Duration::from_millis(millis))
    }

    /// This many calls that were waited for succeed, one after the other.
    fn succeed(limit: &mut CallLimit, calls: usize, now: Instant) {
        for _ in 0..calls {
            while limit.try_start() {}
            limit.record_success(CallKind::Confirm, Duration::from_millis(50), now);
            limit.finish();
        }
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
    fn the_limit_doubles_with_each_round_of_calls_until_its_maximum() {
        let (mut limit, at) = limit_and_clock(3 * PROVIDER_CALLS_AT_START);
        assert_eq!(limit.allowed(), PROVIDER_CALLS_AT_START);
        succeed(&mut limit, PROVIDER_CALLS_AT_START, at(50));
        assert_eq!(limit.allowed(), 2 * PROVIDER_CALLS_AT_START);
        succeed(&mut limit, 2 * PROVIDER_CALLS_AT_START, at(100));
        assert_eq!(limit.allowed(), 3 * PROVIDER_CALLS_AT_START);
    }

    #[test]
    fn neither_calls_without_others_that_wait_nor_slow_ones_raise_the_limit() {
        let (mut limit, at) = limit_and_clock(2 * PROVIDER_CALLS_AT_START);
        limit.try_start();
        limit.record_success(CallKind::Confirm, Duration::from_millis(50), at(50));
        while limit.try_start() {}
        limit.record_success(CallKind::Confirm, Duration::from_millis(101), at(101));
        assert_eq!(limit.allowed(), PROVIDER_CALLS_AT_START);
        limit.record_success(CallKind::Confirm, Duration::from_millis(100), at(100));
        assert_eq!(limit.allowed(), PROVIDER_CALLS_AT_START + 1);
    }

    #[test]
    fn after_a_refusal_the_limit_grows_slowly_and_stays_below_what_was_refused() {
        let (mut limit, at) = limit_and_clock(60);
        limit.record_refusal(at(0), at(1));
        assert_eq!(limit.allowed(), 30);
        succeed(&mut limit, CALLS_PER_RAISE - 1, at(2));
        assert_eq!(limit.allowed(), 30);
        succeed(&mut limit, 1, at(2));
        assert_eq!(limit.allowed(), 31);
        succeed(&mut limit, 100 * CALLS_PER_RAISE, at(3));
        assert_eq!(limit.allowed(), 54);
        let later = at(1) + REFUSED_LIMIT_AGE_MAX;
        succeed(&mut limit, 100 * CALLS_PER_RAISE, later);
        assert_eq!(limit.allowed(), 60);
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
