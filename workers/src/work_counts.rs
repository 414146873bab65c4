//! What a worker has done since its start, and what it is processing now, for its statistics.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use orders::{Event, EventKind};
use streams::WorkReport;
use tokio::time::Instant;

use crate::step_input::StepOutcome;

/// The counts of one worker. Cheap to clone; clones count together.
#[derive(Clone, Default)]
pub(crate) struct WorkCounts(Arc<Mutex<Counts>>);

#[derive(Default)]
struct Counts {
    outcomes: OutcomeCounts,
    /// The sets that are being processed: since when, and how many orders.
    held: BTreeMap<u64, (Instant, usize)>,
    next_set: u64,
}

/// How many orders had which outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct OutcomeCounts {
    done: u64,
    refused: u64,
    retried: u64,
    dead: u64,
}

/// A set that is being processed, until this is dropped.
pub(crate) struct HeldSet {
    counts: WorkCounts,
    set: u64,
}

/// The outcomes that refuse what was asked for.
const REFUSALS: [EventKind; 4] =
    [EventKind::Rejected, EventKind::Declined, EventKind::Conflicted, EventKind::CancelRefused];

impl OutcomeCounts {
    /// Those of `outcomes`. What only waits for its time counts for nothing.
    pub(crate) fn of(outcomes: &[StepOutcome]) -> Self {
        let mut counts = Self::default();
        for outcome in outcomes {
            match outcome {
                StepOutcome::Completed(events) if events.iter().any(is_refusal) => {
                    counts.refused += 1;
                }
                StepOutcome::Completed(_) => counts.done += 1,
                StepOutcome::Retry(_) | StepOutcome::Postpone(_) | StepOutcome::Unsupported(_) => {
                    counts.retried += 1;
                }
                StepOutcome::DeadLetter(..) => counts.dead += 1,
                StepOutcome::Wait(_) => {}
            }
        }
        counts
    }
}

fn is_refusal(event: &Event) -> bool {
    REFUSALS.contains(&event.body.kind())
}

impl WorkCounts {
    /// A set of so many orders is being processed.
    pub(crate) fn hold(&self, orders: usize) -> HeldSet {
        let mut counts = self.lock();
        let set = counts.next_set;
        counts.next_set += 1;
        counts.held.insert(set, (Instant::now(), orders));
        HeldSet { counts: self.clone(), set }
    }

    /// Outcomes are stored.
    pub(crate) fn add(&self, outcomes: OutcomeCounts) {
        let counts = &mut self.lock().outcomes;
        counts.done += outcomes.done;
        counts.refused += outcomes.refused;
        counts.retried += outcomes.retried;
        counts.dead += outcomes.dead;
    }

    /// What the worker says about it.
    pub(crate) fn report(&self) -> WorkReport {
        let counts = self.lock();
        let OutcomeCounts { done, refused, retried, dead } = counts.outcomes;
        let oldest = counts.held.values().map(|(since, _)| since.elapsed()).max();
        WorkReport {
            done,
            refused,
            retried,
            dead,
            held: counts.held.values().map(|(_, orders)| *orders as u64).sum(),
            held_seconds: oldest.unwrap_or_default().as_secs_f64(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for HeldSet {
    fn drop(&mut self) {
        self.counts.lock().held.remove(&self.set);
    }
}

#[cfg(test)]
mod tests {
    use orders::{EventBody, OrderId, Timestamp};
    use streams::dead_letter::Reason;

    use super::*;

    fn completed(body: EventBody) -> StepOutcome {
        let (order_id, at) = (OrderId::from_bytes([7; 16]), Timestamp::from_millis(0));
        StepOutcome::outcome(Event { order_id, at, body, traceparent: None })
    }

    #[test]
    fn each_order_counts_once_by_its_outcome() {
        let outcomes = [
            completed(EventBody::RequiresAction),
            StepOutcome::Completed(Vec::new()),
            completed(EventBody::CancelRefused),
            StepOutcome::Retry(String::new()),
            StepOutcome::Postpone(String::new()),
            StepOutcome::Unsupported(String::new()),
            StepOutcome::Wait(std::time::Duration::from_secs(1)),
            StepOutcome::DeadLetter(Reason::Poison, String::new()),
        ];
        let counts = WorkCounts::default();
        counts.add(OutcomeCounts::of(&outcomes));
        let WorkReport { done, refused, retried, dead, held, .. } = counts.report();
        assert_eq!((done, refused, retried, dead, held), (2, 1, 3, 1, 0));
    }

    #[test]
    fn what_is_being_processed_is_held_until_it_is_dropped() {
        let counts = WorkCounts::default();
        let (first, second) = (counts.hold(3), counts.hold(4));
        assert_eq!(counts.report().held, 7);
        drop(first);
        assert_eq!(counts.report().held, 4);
        drop(second);
        assert_eq!((counts.report().held, counts.report().held_seconds), (0, 0.0));
    }
}
