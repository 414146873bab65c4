//! The circuit breaker: prevents calls to a provider that fails, and permits one probe at intervals
//! to detect its recovery. A pure state machine: the time is passed in.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use clap::Args;

use crate::limits::BREAKER_WAIT_MAX;

/// When a breaker opens, and how long it waits before it probes.
///
/// The default of five failures is less than the attempts of a record. So even with few orders, the
/// breaker opens before a record runs out of attempts.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct BreakerLimits {
    /// Failures, in a row or within a time, that open the payment provider's circuit breaker
    #[arg(
        id = "breaker_failures",
        long = "breaker-failures",
        env = "MILLRACE_BREAKER_FAILURES",
        value_name = "N",
        default_value = "5"
    )]
    pub failures: NonZeroUsize,
    /// Time within which failures open the circuit breaker
    #[arg(
        id = "breaker_within",
        long = "breaker-within",
        env = "MILLRACE_BREAKER_WITHIN",
        value_name = "DURATION",
        default_value = "1s",
        value_parser = streams::parse_duration
    )]
    pub window: Duration,
    /// How long an open circuit breaker waits before the next probe; longer if it opens again and again
    #[arg(
        id = "breaker_wait",
        long = "breaker-wait",
        env = "MILLRACE_BREAKER_WAIT",
        value_name = "DURATION",
        default_value = "1s",
        value_parser = streams::parse_duration
    )]
    pub probe_delay: Duration,
}

/// A circuit breaker.
#[derive(Debug)]
pub(crate) struct Breaker {
    limits: BreakerLimits,
    state: State,
    /// How often it has opened since a call succeeded.
    openings: u32,
}

#[derive(Debug)]
enum State {
    /// Calls are permitted. Holds the times of the latest failures, and the number of failures
    /// since the last success.
    Closed { failures: VecDeque<Instant>, consecutive: usize },
    /// Calls are denied, and the next probe is due at this time.
    Open { probe_at: Instant },
    /// A probe is in flight, and calls are denied.
    HalfOpen { since: Instant },
}

/// What the breaker permits at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Permit {
    /// A call.
    Call,
    /// The probe, whose result must be recorded.
    Probe,
    /// Neither a call nor a probe.
    Denied,
}

/// A change of the state that is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Opened,
    Closed,
}

impl Breaker {
    /// A closed breaker.
    pub(crate) fn new(limits: BreakerLimits) -> Self {
        Self { limits, state: State::closed(), openings: 0 }
    }

    /// The state's name in logs and status output.
    pub(crate) const fn state(&self) -> &'static str {
        match self.state {
            State::Closed { .. } => "closed",
            State::Open { .. } => "open",
            State::HalfOpen { .. } => "half_open",
        }
    }

    /// Whether calls are permitted: most of them succeed.
    pub(super) const fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed { .. })
    }

    /// What is permitted at `now`. Of concurrent callers, only one gets the probe.
    pub(super) fn acquire(&mut self, now: Instant) -> Permit {
        let is_probe_due = match self.state {
            State::Closed { .. } => return Permit::Call,
            State::Open { probe_at } => now >= probe_at,
            // The result of a probe may be lost.
            State::HalfOpen { since } => {
                now.saturating_duration_since(since) >= self.limits.probe_delay
            }
        };
        if !is_probe_due {
            return Permit::Denied;
        }
        self.state = State::HalfOpen { since: now };
        Permit::Probe
    }

    /// Records the result of a permitted call that finished at `now`. Results that arrive after the
    /// breaker has opened are ignored.
    pub(super) fn record_call(&mut self, is_success: bool, now: Instant) -> Option<Change> {
        let State::Closed { failures, consecutive } = &mut self.state else { return None };
        if is_success {
            *consecutive = 0;
            self.openings = 0;
            return None;
        }
        *consecutive += 1;
        failures.push_back(now);
        while failures.len() > self.limits.failures.get() {
            failures.pop_front();
        }
        let is_recent =
            |first: &Instant| now.saturating_duration_since(*first) <= self.limits.window;
        let is_burst =
            failures.len() == self.limits.failures.get() && failures.front().is_some_and(is_recent);
        if is_burst || *consecutive >= self.limits.failures.get() {
            self.openings = self.openings.saturating_add(1);
            self.state = State::Open { probe_at: now + self.wait() };
            return Some(Change::Opened);
        }
        None
    }

    /// How long it waits after it has opened: longer if the last probe succeeded and no call after it did.
    fn wait(&self) -> Duration {
        let factor = 2_u32.saturating_pow(self.openings.saturating_sub(1));
        let longest = BREAKER_WAIT_MAX.max(self.limits.probe_delay);
        self.limits.probe_delay.saturating_mul(factor).min(longest)
    }

    /// Records the result of the probe, which finished at `now`.
    pub(super) fn record_probe(&mut self, is_success: bool, now: Instant) -> Option<Change> {
        let State::HalfOpen { .. } = self.state else { return None };
        if is_success {
            self.state = State::closed();
            return Some(Change::Closed);
        }
        self.state = State::Open { probe_at: now + self.limits.probe_delay };
        None
    }

    /// Opens the breaker at least until `until`, because the provider asks for no call before that.
    pub(super) fn open_until(&mut self, until: Instant) -> Option<Change> {
        let (probe_at, change) = match self.state {
            State::Closed { .. } => (until, Some(Change::Opened)),
            State::Open { probe_at } => (probe_at.max(until), None),
            State::HalfOpen { .. } => (until, None),
        };
        self.state = State::Open { probe_at };
        change
    }
}

impl State {
    const fn closed() -> Self {
        Self::Closed { failures: VecDeque::new(), consecutive: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// A breaker of 5 failures, 1 s and 1 s, and a clock that takes milliseconds since its start.
    fn breaker_and_clock() -> (Breaker, impl Fn(u32) -> Instant) {
        let start = Instant::now();
        let second = Duration::from_secs(1);
        let failures = NonZeroUsize::new(5).unwrap();
        let limits = BreakerLimits { failures, window: second, probe_delay: second };
        (Breaker::new(limits), move |millis| start + MS * millis)
    }

    fn open(at: impl Fn(u32) -> Instant, breaker: &mut Breaker) {
        let changes: Vec<_> = (0..5).filter_map(|ms| breaker.record_call(false, at(ms))).collect();
        assert_eq!(changes, [Change::Opened], "the breaker opens once");
    }

    #[test]
    fn the_breaker_opens_at_the_fifth_failure_within_a_second_despite_successes_between() {
        let (mut breaker, at) = breaker_and_clock();
        for ms in [0, 250, 500, 750] {
            assert_eq!(breaker.record_call(false, at(ms)), None);
            assert_eq!(breaker.record_call(true, at(ms)), None);
        }
        assert_eq!(breaker.record_call(false, at(1_000)), Some(Change::Opened));
        assert_eq!(breaker.acquire(at(1_001)), Permit::Denied);
    }

    #[test]
    fn slower_failures_open_the_breaker_when_five_are_consecutive() {
        let (mut breaker, at) = breaker_and_clock();
        for number in 0..4 {
            assert_eq!(breaker.record_call(false, at(number * 300)), None);
        }
        breaker.record_call(true, at(1_200));
        for number in 5..9 {
            assert_eq!(breaker.record_call(false, at(number * 300)), None);
        }
        assert_eq!(breaker.record_call(false, at(9 * 300)), Some(Change::Opened));
    }

    #[test]
    fn an_open_breaker_permits_one_probe_and_no_call_after_a_second() {
        let (mut breaker, at) = breaker_and_clock();
        open(&at, &mut breaker);
        assert_eq!(breaker.acquire(at(1_003)), Permit::Denied);
        assert_eq!(breaker.acquire(at(1_004)), Permit::Probe);
        assert_eq!(breaker.state(), "half_open");
        assert_eq!(breaker.acquire(at(1_005)), Permit::Denied);
    }

    #[test]
    fn a_successful_probe_closes_the_breaker_and_discards_old_failures() {
        let (mut breaker, at) = breaker_and_clock();
        open(&at, &mut breaker);
        breaker.acquire(at(1_100));
        assert_eq!(breaker.record_probe(true, at(1_101)), Some(Change::Closed));
        assert_eq!(breaker.acquire(at(1_102)), Permit::Call);
        assert_eq!(breaker.record_call(false, at(1_103)), None);
    }

    #[test]
    fn a_failed_probe_keeps_the_breaker_open_for_another_second_and_reports_no_change() {
        let (mut breaker, at) = breaker_and_clock();
        open(&at, &mut breaker);
        breaker.acquire(at(1_100));
        assert_eq!(breaker.record_probe(false, at(1_200)), None);
        assert_eq!(breaker.acquire(at(2_199)), Permit::Denied);
        assert_eq!(breaker.acquire(at(2_200)), Permit::Probe);
    }

    #[test]
    fn a_breaker_that_opens_again_without_a_success_waits_longer_each_time() {
        let (mut breaker, at) = breaker_and_clock();
        let mut now = 0;
        for seconds in [1, 2, 4, 8, 16, 30, 30] {
            let opened = (0..5).find_map(|_| breaker.record_call(false, at(now)));
            assert_eq!(opened, Some(Change::Opened));
            now += seconds * 1_000;
            assert_eq!(breaker.acquire(at(now - 1)), Permit::Denied);
            assert_eq!(breaker.acquire(at(now)), Permit::Probe);
            breaker.record_probe(true, at(now));
        }
        breaker.record_call(true, at(now));
        for _ in 0..5 {
            breaker.record_call(false, at(now));
        }
        assert_eq!(breaker.acquire(at(now + 1_000)), Permit::Probe);
    }

    #[test]
    fn a_probe_whose_result_is_lost_is_repeated() {
        let (mut breaker, at) = breaker_and_clock();
        open(&at, &mut breaker);
        assert_eq!(breaker.acquire(at(1_100)), Permit::Probe);
        assert_eq!(breaker.acquire(at(2_100)), Permit::Probe);
    }

    #[test]
    fn a_breaker_that_is_opened_until_a_time_probes_then_and_not_before() {
        let (mut breaker, at) = breaker_and_clock();
        assert_eq!(breaker.open_until(at(5_000)), Some(Change::Opened));
        assert_eq!(breaker.open_until(at(4_000)), None, "an earlier time changes nothing");
        assert!(!breaker.is_closed());
        assert_eq!(breaker.acquire(at(4_999)), Permit::Denied);
        assert_eq!(breaker.acquire(at(5_000)), Permit::Probe);
        // The probe is refused, too.
        assert_eq!(breaker.open_until(at(9_000)), None);
        assert_eq!(breaker.acquire(at(8_999)), Permit::Denied);
        assert_eq!(breaker.acquire(at(9_000)), Permit::Probe);
        assert_eq!(breaker.record_probe(true, at(9_001)), Some(Change::Closed));
    }

    #[test]
    fn calls_that_finish_while_the_breaker_is_open_change_nothing() {
        let (mut breaker, at) = breaker_and_clock();
        open(&at, &mut breaker);
        assert_eq!(breaker.record_call(true, at(10)), None);
        assert_eq!(breaker.record_call(false, at(11)), None);
        assert_eq!(breaker.acquire(at(12)), Permit::Denied);
    }
}
