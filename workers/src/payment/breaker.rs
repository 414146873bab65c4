//! The circuit breaker: no calls to a provider that fails, and one probe now and then to see whether
//! it is back. Pure: the time is passed in.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use clap::Args;

/// When a breaker opens, and how long it waits before it asks again.
///
/// Five failures are fewer than the attempts of a record: a provider that fails while few orders come is
/// noticed before an order is given up.
#[derive(Debug, Clone, Copy, Args)]
pub struct BreakerLimits {
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
        value_parser = streams::duration
    )]
    pub within: Duration,
    /// How long an open circuit breaker waits before the next probe
    #[arg(
        id = "breaker_wait",
        long = "breaker-wait",
        env = "MILLRACE_BREAKER_WAIT",
        value_name = "DURATION",
        default_value = "1s",
        value_parser = streams::duration
    )]
    pub wait: Duration,
}

/// A circuit breaker.
#[derive(Debug)]
pub(crate) struct Breaker {
    limits: BreakerLimits,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Calls are made. The last failures, and how many have come since the last success.
    Closed { failures: VecDeque<Instant>, in_a_row: usize },
    /// No calls are made.
    Open { since: Instant },
    /// A probe is being made, and nothing else.
    HalfOpen { since: Instant },
}

/// What may be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// A call.
    Call,
    /// The probe, whose result must be told.
    Probe,
    /// Nothing.
    Nothing,
}

/// A change that is worth telling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Opened,
    Closed,
}

impl Breaker {
    /// A breaker that lets calls through.
    pub(crate) fn new(limits: BreakerLimits) -> Self {
        Self { limits, state: State::closed() }
    }

    /// Its state, as logs and status name it.
    pub(crate) const fn state(&self) -> &'static str {
        match self.state {
            State::Closed { .. } => "closed",
            State::Open { .. } => "open",
            State::HalfOpen { .. } => "half_open",
        }
    }

    /// What may be done at `now`. Of all who ask, one is given the probe.
    pub(super) fn admit(&mut self, now: Instant) -> Admission {
        match self.state {
            State::Closed { .. } => Admission::Call,
            // Also the result of a probe may be lost.
            State::Open { since } | State::HalfOpen { since }
                if now.saturating_duration_since(since) >= self.limits.wait =>
            {
                self.state = State::HalfOpen { since: now };
                Admission::Probe
            }
            State::Open { .. } | State::HalfOpen { .. } => Admission::Nothing,
        }
    }

    /// A call that was admitted has ended at `now`. Calls that end after the breaker has opened say
    /// nothing new.
    pub(super) fn called(&mut self, is_well: bool, now: Instant) -> Option<Change> {
        let State::Closed { failures, in_a_row } = &mut self.state else { return None };
        if is_well {
            *in_a_row = 0;
            return None;
        }
        *in_a_row += 1;
        failures.push_back(now);
        while failures.len() > self.limits.failures.get() {
            failures.pop_front();
        }
        let is_recent =
            |first: &Instant| now.saturating_duration_since(*first) <= self.limits.within;
        let is_burst =
            failures.len() == self.limits.failures.get() && failures.front().is_some_and(is_recent);
        if is_burst || *in_a_row >= self.limits.failures.get() {
            self.state = State::Open { since: now };
            return Some(Change::Opened);
        }
        None
    }

    /// The probe has ended at `now`.
    pub(super) fn probed(&mut self, is_well: bool, now: Instant) -> Option<Change> {
        let State::HalfOpen { .. } = self.state else { return None };
        if is_well {
            self.state = State::closed();
            return Some(Change::Closed);
        }
        self.state = State::Open { since: now };
        None
    }
}

impl State {
    const fn closed() -> Self {
        Self::Closed { failures: VecDeque::new(), in_a_row: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// A breaker, and a clock in milliseconds.
    fn start() -> (Breaker, impl Fn(u32) -> Instant) {
        let begin = Instant::now();
        let second = Duration::from_secs(1);
        let failures = NonZeroUsize::new(5).unwrap();
        let limits = BreakerLimits { failures, within: second, wait: second };
        (Breaker::new(limits), move |millis| begin + MS * millis)
    }

    fn opened(at: impl Fn(u32) -> Instant, breaker: &mut Breaker) {
        let changes: Vec<_> = (0..5).filter_map(|ms| breaker.called(false, at(ms))).collect();
        assert_eq!(changes, [Change::Opened], "once");
    }

    #[test]
    fn it_opens_at_the_fifth_failure_within_a_second_whatever_succeeds_between() {
        let (mut breaker, at) = start();
        for ms in [0, 250, 500, 750] {
            assert_eq!(breaker.called(false, at(ms)), None);
            assert_eq!(breaker.called(true, at(ms)), None);
        }
        assert_eq!(breaker.called(false, at(1_000)), Some(Change::Opened));
        assert_eq!(breaker.admit(at(1_001)), Admission::Nothing);
    }

    #[test]
    fn failures_that_come_slower_open_it_when_five_stand_in_a_row() {
        let (mut breaker, at) = start();
        for number in 0..4 {
            assert_eq!(breaker.called(false, at(number * 300)), None);
        }
        breaker.called(true, at(1_200));
        for number in 5..9 {
            assert_eq!(breaker.called(false, at(number * 300)), None);
        }
        assert_eq!(breaker.called(false, at(9 * 300)), Some(Change::Opened));
    }

    #[test]
    fn after_a_second_one_probe_is_made_and_no_call() {
        let (mut breaker, at) = start();
        opened(&at, &mut breaker);
        assert_eq!(breaker.admit(at(1_003)), Admission::Nothing);
        assert_eq!(breaker.admit(at(1_004)), Admission::Probe);
        assert_eq!(breaker.state(), "half_open");
        assert_eq!(breaker.admit(at(1_005)), Admission::Nothing);
    }

    #[test]
    fn a_probe_that_succeeds_closes_it_and_old_failures_are_forgotten() {
        let (mut breaker, at) = start();
        opened(&at, &mut breaker);
        breaker.admit(at(1_100));
        assert_eq!(breaker.probed(true, at(1_101)), Some(Change::Closed));
        assert_eq!(breaker.admit(at(1_102)), Admission::Call);
        assert_eq!(breaker.called(false, at(1_103)), None);
    }

    #[test]
    fn a_probe_that_fails_keeps_it_open_for_another_second_and_tells_nothing() {
        let (mut breaker, at) = start();
        opened(&at, &mut breaker);
        breaker.admit(at(1_100));
        assert_eq!(breaker.probed(false, at(1_200)), None);
        assert_eq!(breaker.admit(at(2_199)), Admission::Nothing);
        assert_eq!(breaker.admit(at(2_200)), Admission::Probe);
    }

    #[test]
    fn a_probe_whose_result_is_lost_is_made_again() {
        let (mut breaker, at) = start();
        opened(&at, &mut breaker);
        assert_eq!(breaker.admit(at(1_100)), Admission::Probe);
        assert_eq!(breaker.admit(at(2_100)), Admission::Probe);
    }

    #[test]
    fn calls_that_end_while_it_is_open_change_nothing() {
        let (mut breaker, at) = start();
        opened(&at, &mut breaker);
        assert_eq!(breaker.called(true, at(10)), None);
        assert_eq!(breaker.called(false, at(11)), None);
        assert_eq!(breaker.admit(at(12)), Admission::Nothing);
    }
}
