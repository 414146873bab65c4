//! Whether a lane may be everybody's home: the one in which messages are tried first.

use rand::RngExt;
use tokio::time::Instant;

use std::time::Duration;

use crate::limits::{LANE_RETURN_AFTER_MAX, LANE_RETURN_AFTER_MIN};

/// How a lane has done. After a failure it is passed over until it was good for a while: a broker that
/// comes back may fail again, and each change of lanes makes sets smaller.
#[derive(Debug, Default)]
pub(super) struct LaneHealth {
    failure: Option<Failure>,
    /// Since when the brokers say that it has a leader.
    good_since: Option<Instant>,
}

#[derive(Debug)]
struct Failure {
    /// How long it must be good, at random, so that not all processes return at the same moment.
    good_for: Duration,
}

/// How willingly a lane is tried: the first is best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    Good,
    Recovering,
    Failed,
}

impl LaneHealth {
    /// A message got no answer. Returns whether the lane was good.
    pub(super) fn fail(&mut self, now: Instant) -> bool {
        let was_good = self.rank(now) == Rank::Good;
        if was_good || self.good_since.is_some() {
            let good_for = rand::rng().random_range(LANE_RETURN_AFTER_MIN..=LANE_RETURN_AFTER_MAX);
            self.failure = Some(Failure { good_for });
        }
        self.good_since = None;
        was_good
    }

    /// Whether the brokers say that it has a leader.
    pub(super) fn observe(&mut self, has_leader: bool, now: Instant) {
        if has_leader {
            self.good_since.get_or_insert(now);
        } else {
            self.good_since = None;
        }
    }

    pub(super) fn rank(&self, now: Instant) -> Rank {
        let Some(Failure { good_for }) = self.failure else { return Rank::Good };
        match self.good_since {
            Some(since) if now.duration_since(since) >= good_for => Rank::Good,
            Some(_) => Rank::Recovering,
            None => Rank::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: Duration = Duration::from_secs(1);

    #[test]
    fn a_lane_that_failed_is_good_again_after_it_was_good_for_long() {
        let (mut health, start) = (LaneHealth::default(), Instant::now());
        assert_eq!(health.rank(start), Rank::Good, "nothing is known yet");
        assert!(health.fail(start));
        assert!(!health.fail(start), "it had failed before");
        assert_eq!(health.rank(start + LANE_RETURN_AFTER_MAX), Rank::Failed);
        health.observe(true, start + TICK);
        assert_eq!(health.rank(start + TICK), Rank::Recovering);
        assert_eq!(health.rank(start + LANE_RETURN_AFTER_MIN), Rank::Recovering);
        assert_eq!(health.rank(start + LANE_RETURN_AFTER_MAX + TICK), Rank::Good);
    }

    #[test]
    fn a_lane_that_loses_its_leader_begins_to_recover_anew() {
        let (mut health, start) = (LaneHealth::default(), Instant::now());
        health.fail(start);
        health.observe(true, start);
        health.observe(false, start + TICK);
        assert_eq!(health.rank(start + LANE_RETURN_AFTER_MAX), Rank::Failed);
        let again = start + LANE_RETURN_AFTER_MAX;
        health.observe(true, again);
        assert_eq!(health.rank(again + TICK), Rank::Recovering);
        assert_eq!(health.rank(again + LANE_RETURN_AFTER_MAX), Rank::Good);
    }
}
