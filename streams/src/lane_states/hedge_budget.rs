//! Bounds the messages that are sent into a second lane because the first one is silent. Brokers that
//! are slow because they are overloaded would otherwise get each message twice, and collapse (J. Dean and
//! L. Barroso, The Tail at Scale, 2013).

use tokio::time::Instant;

use crate::limits::{HEDGES_FREE, HEDGES_PERCENT_MAX, HEDGES_WINDOW};

/// The sends and the hedges of the current window.
#[derive(Debug, Default)]
pub(super) struct HedgeBudget {
    window: Option<Instant>,
    sends: u64,
    hedges: u64,
}

impl HedgeBudget {
    /// A message was sent.
    pub(super) fn count_send(&mut self, now: Instant) {
        self.enter(now);
        self.sends += 1;
    }

    /// Whether one more hedge is allowed. If so, it counts.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        self.enter(now);
        let is_allowed = self.hedges < HEDGES_FREE.max(self.sends * HEDGES_PERCENT_MAX / 100);
        self.hedges += u64::from(is_allowed);
        is_allowed
    }

    fn enter(&mut self, now: Instant) {
        if self.window.is_none_or(|start| now.duration_since(start) >= HEDGES_WINDOW) {
            *self = Self { window: Some(now), ..Self::default() };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hedges_are_a_small_part_of_the_sends_but_for_a_few() {
        let (mut budget, start) = (HedgeBudget::default(), Instant::now());
        let taken = |budget: &mut HedgeBudget, now| (0..1_000).filter(|_| budget.take(now)).count();
        assert_eq!(taken(&mut budget, start) as u64, HEDGES_FREE);
        for _ in 0..1_000 {
            budget.count_send(start);
        }
        assert_eq!(
            taken(&mut budget, start) as u64,
            1_000 * HEDGES_PERCENT_MAX / 100 - HEDGES_FREE
        );
        assert_eq!(taken(&mut budget, start + HEDGES_WINDOW) as u64, HEDGES_FREE, "a new window");
    }
}
