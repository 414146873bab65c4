//! Whether a worker may send a pull request now, and how many records it may ask for. The only place where the
//! setting of a pool takes effect: what was pulled is processed.

mod decision;
mod token_bucket;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio::time::Instant;

pub use decision::PullState;
pub(crate) use decision::{Decision, decide, needs_members};
use token_bucket::TokenBucket;

/// The gate before the pull requests of a worker. Cheap to clone; clones share the decision and the rate.
#[derive(Clone)]
pub struct PullGate {
    state: Arc<Mutex<State>>,
    changes: Arc<watch::Sender<()>>,
}

struct State {
    decision: Decision,
    /// Absent without a rate.
    bucket: Option<TokenBucket>,
}

/// The answer to a worker that wants to pull.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Pull {
    /// It may ask for about as many records.
    UpTo(usize),
    /// It may not before this time, because of the rate.
    NotBefore(Instant),
    /// It may not until the decision changes.
    No,
}

impl PullGate {
    /// A gate that lets nothing pass until it is decided.
    pub(crate) fn new() -> Self {
        let state = State { decision: Decision::default(), bucket: None };
        Self { state: Arc::new(Mutex::new(state)), changes: Arc::new(watch::Sender::new(())) }
    }

    /// The last decision.
    pub(crate) fn decision(&self) -> Decision {
        self.lock().decision
    }

    /// Decides again.
    pub(crate) fn set(&self, decision: Decision) {
        let mut state = self.lock();
        if state.decision == decision {
            return;
        }
        state.bucket = match (decision.share, state.bucket.take()) {
            (Some(share), Some(bucket)) => Some(bucket.with_rate(share, Instant::now())),
            (Some(share), None) => Some(TokenBucket::new(share, Instant::now())),
            (None, _) => None,
        };
        state.decision = decision;
        drop(state);
        self.changes.send_replace(());
    }

    /// Whether a worker that would like `records` may pull at `now`.
    pub(crate) fn ask(&self, records: usize, now: Instant) -> Pull {
        let mut state = self.lock();
        if state.decision.state != PullState::Working {
            return Pull::No;
        }
        let records = state.decision.batch.map_or(records, |batch| records.min(batch));
        let Some(bucket) = &mut state.bucket else { return Pull::UpTo(records) };
        match bucket.available(now) {
            0 => Pull::NotBefore(bucket.next_at(now)),
            available => Pull::UpTo(records.min(available)),
        }
    }

    /// So many records were pulled. More than were asked for delay the next pull.
    pub(crate) fn took(&self, records: usize, now: Instant) {
        if let Some(bucket) = &mut self.lock().bucket {
            bucket.take(records, now);
        }
    }

    /// Changes with each decision.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn gate(decision: Decision) -> PullGate {
        let gate = PullGate::new();
        gate.set(decision);
        gate
    }

    fn working() -> Decision {
        Decision { state: PullState::Working, ..Decision::default() }
    }

    #[test]
    fn only_a_worker_that_works_pulls_and_never_more_than_the_batch() {
        let now = Instant::now();
        for state in [PullState::Starting, PullState::Paused, PullState::Standby] {
            assert_eq!(gate(Decision { state, ..working() }).ask(512, now), Pull::No);
        }
        assert_eq!(PullGate::new().ask(512, now), Pull::No, "nothing is decided yet");
        assert_eq!(gate(working()).ask(512, now), Pull::UpTo(512));
        assert_eq!(gate(Decision { batch: Some(64), ..working() }).ask(512, now), Pull::UpTo(64));
    }

    #[test]
    fn a_rate_holds_over_time_although_a_message_is_larger_than_what_was_asked_for() {
        let gate = gate(Decision { share: Some(10.0), ..working() });
        let now = Instant::now();
        assert_eq!(gate.ask(512, now), Pull::UpTo(10));
        gate.took(60, now);
        let Pull::NotBefore(at) = gate.ask(512, now) else { panic!() };
        assert!(at > now + Duration::from_secs(5) && at < now + Duration::from_millis(5_200));
        assert_eq!(gate.ask(512, at), Pull::UpTo(1));
        assert_eq!(gate.ask(512, at + Duration::from_mins(1)), Pull::UpTo(10), "a second at once");
    }

    #[test]
    fn what_was_pulled_counts_after_the_share_has_changed() {
        let gate = gate(Decision { share: Some(10.0), ..working() });
        let now = Instant::now();
        gate.took(60, now);
        gate.set(Decision { share: Some(50.0), ..working() });
        let Pull::NotBefore(at) = gate.ask(512, now) else { panic!() };
        assert!(at > now + Duration::from_millis(900), "{at:?}");
    }
}
