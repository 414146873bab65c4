//! What the latest calls say about a call that has failed: whether the provider fails, or this one order. A
//! pure state machine: the time is passed in.

use std::time::Instant;

use orders::OrderId;

use crate::limits::{CALL_FAILURES_MAX, CALL_RESULT_AGE_MAX};

/// What a call asks of the provider. It may fail at one of these and do the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CallKind {
    Create,
    Confirm,
    /// Asks for a payment that waits for its buyer.
    Retrieve,
    /// Confirms it with another payment method.
    Complete,
    Cancel,
    Refund,
    /// Whether it answers.
    Question,
}

/// The latest results of one worker's calls: of each kind at most two, of different orders.
#[derive(Debug, Default)]
pub(super) struct CallResults(Vec<CallResult>);

#[derive(Debug, Clone, Copy)]
struct CallResult {
    kind: CallKind,
    order: OrderId,
    /// How often it has failed in a row, as far as is known; zero if the latest one has not.
    failures: u32,
    at: Instant,
}

impl CallResults {
    /// Records the result of a call that was made for `order`.
    pub(super) fn record(
        &mut self,
        kind: CallKind,
        order: OrderId,
        has_failed: bool,
        now: Instant,
    ) {
        let latest_other = self.latest_other(kind, order);
        let before = self.0.iter().find(|it| it.kind == kind && it.order == order);
        let failures = if has_failed { before.map_or(0, |it| it.failures) + 1 } else { 0 };
        self.0.retain(|result| result.kind != kind);
        self.0.extend(latest_other);
        self.0.push(CallResult { kind, order, failures, at: now });
    }

    /// Whether the latest such call for another order has failed, too. One that has failed too often says
    /// nothing: it may fail alone as well.
    pub(super) fn fails_for_others(&self, kind: CallKind, order: OrderId, now: Instant) -> bool {
        self.latest_other(kind, order).is_some_and(|result| {
            (1..=CALL_FAILURES_MAX).contains(&result.failures)
                && now.saturating_duration_since(result.at) < CALL_RESULT_AGE_MAX
        })
    }

    fn latest_other(&self, kind: CallKind, order: OrderId) -> Option<CallResult> {
        self.0.iter().rev().find(|it| it.kind == kind && it.order != order).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: OrderId = OrderId::from_bytes([1; 16]);
    const B: OrderId = OrderId::from_bytes([2; 16]);
    const C: OrderId = OrderId::from_bytes([3; 16]);
    const KIND: CallKind = CallKind::Confirm;

    #[test]
    fn the_latest_result_of_another_order_decides() {
        let (mut results, now) = (CallResults::default(), Instant::now());
        assert!(!results.fails_for_others(KIND, A, now));
        results.record(KIND, A, true, now);
        assert!(!results.fails_for_others(KIND, A, now), "its own failures say nothing");
        results.record(KIND, B, true, now);
        assert!(results.fails_for_others(KIND, A, now));
        results.record(KIND, A, true, now);
        results.record(KIND, A, true, now);
        assert!(results.fails_for_others(KIND, A, now));
        assert!(results.fails_for_others(KIND, B, now));
        results.record(KIND, C, false, now);
        assert!(!results.fails_for_others(KIND, A, now));
        assert!(results.fails_for_others(KIND, C, now));
        assert!(results.0.len() <= 2);
    }

    #[test]
    fn two_orders_that_fail_for_good_do_not_excuse_each_other_without_an_end() {
        let (mut results, now) = (CallResults::default(), Instant::now());
        for _ in 0..CALL_FAILURES_MAX {
            results.record(KIND, A, true, now);
            results.record(KIND, B, true, now);
        }
        assert!(results.fails_for_others(KIND, A, now));
        results.record(KIND, B, true, now);
        assert!(!results.fails_for_others(KIND, A, now));
    }

    #[test]
    fn another_kind_of_call_and_one_long_ago_say_nothing() {
        let (mut results, now) = (CallResults::default(), Instant::now());
        results.record(KIND, B, true, now);
        assert!(!results.fails_for_others(CallKind::Refund, A, now));
        assert!(!results.fails_for_others(KIND, A, now + CALL_RESULT_AGE_MAX));
    }
}
