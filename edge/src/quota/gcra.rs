//! The generic cell rate algorithm (ITU-T I.371): requests at a rate, and at most those of a burst at once. Its whole
//! state is one time, the theoretical arrival time. Pure.

use std::time::Duration;

use tokio::time::Instant;

/// The time of a burst.
const BURST: Duration = Duration::from_secs(1);

/// How many requests there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Policy {
    /// The name that clients see.
    pub(super) name: &'static str,
    /// The requests of a burst, and of each second.
    pub(super) requests: u32,
}

/// When the requests that were permitted would have arrived at the rate of the policy.
#[derive(Debug, Clone, Copy)]
pub(super) struct ArrivalTime(Instant);

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// How long to wait for the next permission, if the request is not permitted.
    pub(crate) refused_for: Option<Duration>,
    /// Requests that would be permitted now.
    pub(crate) remaining: u32,
    /// How long until a whole burst would be.
    pub(crate) full_after: Duration,
    /// The policy that was applied.
    pub(super) policy: Policy,
}

impl Policy {
    /// The time of one request.
    pub(super) fn interval(self) -> Duration {
        BURST / self.requests.max(1)
    }

    /// How long until a request is permitted, if that is the time until a whole burst is.
    pub(super) fn next_after(self, full_after: Duration) -> Duration {
        (full_after + self.interval()).saturating_sub(BURST)
    }

    /// The requests that the time until `full_after` leaves of a burst.
    pub(super) fn remaining(self, full_after: Duration) -> u32 {
        let left = BURST.saturating_sub(full_after);
        (left.as_nanos() / self.interval().as_nanos()) as u32
    }
}

impl ArrivalTime {
    /// That of a caller who has made no request.
    pub(super) const fn new(now: Instant) -> Self {
        Self(now)
    }

    /// Counts a request, if the policy permits it.
    pub(super) fn take(&mut self, policy: Policy, now: Instant) -> Verdict {
        let full_after = self.full_after(now);
        if policy.remaining(full_after) == 0 {
            let refused_for = Some(policy.next_after(full_after));
            return Verdict { refused_for, remaining: 0, full_after, policy };
        }
        self.count(policy, now);
        let full_after = self.full_after(now);
        let remaining = policy.remaining(full_after);
        Verdict { refused_for: None, remaining, full_after, policy }
    }

    /// Counts a request that something else has permitted.
    pub(super) fn count(&mut self, policy: Policy, now: Instant) {
        let next = self.0.max(now) + policy.interval();
        // One more than a burst changes nothing but the time until the next permission.
        self.0 = next.min(now + BURST);
    }

    /// How long until a whole burst would be permitted.
    pub(super) fn full_after(&self, now: Instant) -> Duration {
        self.0.saturating_duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generations::Generations;
    use crate::limits::QUOTA_CALLERS_MAX;

    const TEN: Policy = Policy { name: "t", requests: 10 };

    fn permitted(time: &mut ArrivalTime, attempts: usize, now: Instant) -> usize {
        (0..attempts).filter(|_| time.take(TEN, now).refused_for.is_none()).count()
    }

    #[test]
    fn a_burst_is_permitted_at_once_and_then_as_many_as_the_rate_has() {
        let start = Instant::now();
        let mut time = ArrivalTime::new(start);
        assert_eq!(permitted(&mut time, 15, start), 10);
        assert_eq!(permitted(&mut time, 15, start + Duration::from_millis(99)), 0);
        assert_eq!(permitted(&mut time, 15, start + Duration::from_millis(350)), 3);
        assert_eq!(permitted(&mut time, 15, start + Duration::from_hours(1)), 10);
    }

    #[test]
    fn a_refused_request_says_when_the_next_is_permitted_and_costs_nothing() {
        let start = Instant::now();
        let mut time = ArrivalTime::new(start);
        permitted(&mut time, 10, start);
        let refused = time.take(TEN, start + Duration::from_millis(40));
        assert_eq!(refused.refused_for, Some(Duration::from_millis(60)));
        assert_eq!(permitted(&mut time, 1, start + Duration::from_millis(100)), 1);
    }

    #[test]
    fn what_remains_is_what_would_be_permitted() {
        let start = Instant::now();
        let mut time = ArrivalTime::new(start);
        let first = time.take(TEN, start);
        assert_eq!((first.remaining, first.full_after), (9, Duration::from_millis(100)));
        assert_eq!(permitted(&mut time, 20, start), 9);
    }

    #[test]
    fn what_something_else_permits_delays_by_a_burst_at_most() {
        let start = Instant::now();
        let mut time = ArrivalTime::new(start);
        (0..1_000).for_each(|_| time.count(TEN, start));
        assert_eq!(time.full_after(start), Duration::from_secs(1));
        assert_eq!(permitted(&mut time, 20, start + Duration::from_millis(500)), 5);
    }

    #[test]
    fn a_flood_of_callers_forgets_only_those_that_are_not_seen_and_grows_no_further() {
        let (mut times, now) = (Generations::new(QUOTA_CALLERS_MAX), Instant::now());
        let one = Policy { name: "t", requests: 1 };
        let mut of = |caller| times.get_or_insert(caller, ArrivalTime::new(now)).take(one, now);
        assert_eq!(of(0).refused_for, None);
        for other in 1..5 * QUOTA_CALLERS_MAX {
            of(other);
            assert!(of(0).refused_for.is_some(), "{other}");
        }
        assert!(times.len() <= 2 * QUOTA_CALLERS_MAX);
    }
}
