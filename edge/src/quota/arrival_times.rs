//! The arrival times of many callers, as many as there is room for: in two generations, as what was used longest ago
//! is full again anyway.

use std::collections::HashMap;
use std::hash::Hash;

use tokio::time::Instant;

use super::gcra::ArrivalTime;
use crate::limits::QUOTA_CALLERS_MAX;

/// Arrival times by what they are of.
#[derive(Debug)]
pub(super) struct ArrivalTimes<K> {
    young: HashMap<K, ArrivalTime>,
    old: HashMap<K, ArrivalTime>,
}

impl<K: Hash + Eq> ArrivalTimes<K> {
    pub(super) fn new() -> Self {
        Self { young: HashMap::new(), old: HashMap::new() }
    }

    /// That of `key`.
    pub(super) fn of(&mut self, key: K, now: Instant) -> &mut ArrivalTime {
        if self.young.len() >= QUOTA_CALLERS_MAX && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        let Self { young, old } = self;
        let before = old.remove(&key).unwrap_or(ArrivalTime::new(now));
        young.entry(key).or_insert(before)
    }
}

#[cfg(test)]
mod tests {
    use super::super::gcra::Policy;
    use super::*;

    #[test]
    fn a_flood_of_callers_forgets_only_those_that_are_not_seen_and_grows_no_further() {
        let (mut times, now) = (ArrivalTimes::new(), Instant::now());
        let one = Policy { name: "t", requests: 1 };
        assert_eq!(times.of(0, now).take(one, now).refused_for, None);
        for other in 1..5 * QUOTA_CALLERS_MAX {
            times.of(other, now);
            assert!(times.of(0, now).take(one, now).refused_for.is_some(), "{other}");
        }
        assert!(times.young.len() + times.old.len() <= 2 * QUOTA_CALLERS_MAX);
    }
}
