//! Ranges of sequence numbers of a stream: which of its messages were read. Pure.

use std::ops::RangeInclusive;

/// Ranges that do not overlap or touch, in ascending order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct SequenceRanges(Vec<RangeInclusive<u64>>);

impl SequenceRanges {
    /// Adds a range, which may overlap others.
    pub(super) fn add(&mut self, range: &RangeInclusive<u64>) {
        let (mut first, mut last) = (*range.start(), *range.end());
        if first > last {
            return;
        }
        self.0.retain(|other| {
            let is_apart =
                *other.end() < first.saturating_sub(1) || *other.start() > last.saturating_add(1);
            if !is_apart {
                first = first.min(*other.start());
                last = last.max(*other.end());
            }
            is_apart
        });
        let place = self.0.partition_point(|other| *other.start() < first);
        self.0.insert(place, first..=last);
    }

    /// The parts of `range` that are in none of them, in ascending order.
    pub(super) fn missing_in(&self, range: &RangeInclusive<u64>) -> Vec<RangeInclusive<u64>> {
        let mut missing = Vec::new();
        let mut next = *range.start();
        for known in self.0.iter().filter(|known| known.end() >= range.start()) {
            if next > *range.end() || known.start() > range.end() {
                break;
            }
            if *known.start() > next {
                missing.push(next..=known.start() - 1);
            }
            next = known.end().saturating_add(1);
        }
        if next <= *range.end() {
            missing.push(next..=*range.end());
        }
        missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_what_was_not_added() {
        const END: u64 = 6;
        let all: Vec<_> =
            (0..END).flat_map(|first| (0..END).map(move |last| first..=last)).collect();
        for (one, other) in all.iter().flat_map(|one| all.iter().map(move |other| (one, other))) {
            let mut ranges = SequenceRanges::default();
            ranges.add(one);
            ranges.add(other);
            for asked in &all {
                let missing: Vec<u64> = ranges.missing_in(asked).into_iter().flatten().collect();
                let is_missing = |it: &u64| !one.contains(it) && !other.contains(it);
                let expected: Vec<u64> = asked.clone().filter(is_missing).collect();
                assert_eq!(missing, expected, "{asked:?} without {one:?} and {other:?}");
            }
        }
    }

    #[test]
    fn ranges_that_touch_are_one() {
        let mut ranges = SequenceRanges::default();
        for range in [5..=6, 1..=2, 3..=4, 9..=9] {
            ranges.add(&range);
        }
        assert_eq!(ranges, SequenceRanges(vec![1..=6, 9..=9]));
    }
}
