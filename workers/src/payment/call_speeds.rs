//! How long calls to the provider take, by kind. A provider that gets slower as calls are added has enough of
//! them. A pure state machine: the time is passed in.

use std::time::{Duration, Instant};

use super::call_results::CallKind;
use crate::limits::CALL_SPEED_WINDOW;

/// The fastest recent call of each kind.
#[derive(Debug, Default)]
pub(super) struct CallSpeeds(Vec<Fastest>);

#[derive(Debug)]
struct Fastest {
    kind: CallKind,
    /// In this window and in the one before.
    latest: Duration,
    before: Duration,
    since: Instant,
}

impl CallSpeeds {
    /// Records that a call took so long. Returns whether it took at most twice as long as the fastest recent
    /// one of its kind.
    pub(super) fn record(&mut self, kind: CallKind, took: Duration, now: Instant) -> bool {
        let Some(fastest) = self.0.iter_mut().find(|it| it.kind == kind) else {
            self.0.push(Fastest { kind, latest: took, before: took, since: now });
            return true;
        };
        if now.saturating_duration_since(fastest.since) >= CALL_SPEED_WINDOW {
            *fastest = Fastest { kind, latest: took, before: fastest.latest, since: now };
        }
        fastest.latest = fastest.latest.min(took);
        took <= 2 * fastest.latest.min(fastest.before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_call_is_slow_if_it_takes_twice_as_long_as_the_fastest_of_its_kind() {
        let (mut speeds, now) = (CallSpeeds::default(), Instant::now());
        let mut is_fast = |kind, took: u32| speeds.record(kind, MS * took, now);
        assert!(is_fast(CallKind::Confirm, 900));
        assert!(is_fast(CallKind::Confirm, 500));
        assert!(is_fast(CallKind::Create, 20));
        assert!(is_fast(CallKind::Confirm, 1_000));
        assert!(!is_fast(CallKind::Confirm, 1_001));
        assert!(!is_fast(CallKind::Create, 41));
    }

    #[test]
    fn a_provider_that_stays_slow_is_taken_as_it_is() {
        let (mut speeds, start) = (CallSpeeds::default(), Instant::now());
        let mut is_fast = |windows: u32, took: u32| {
            speeds.record(CallKind::Create, MS * took, start + CALL_SPEED_WINDOW * windows)
        };
        assert!(is_fast(0, 50));
        assert!(!is_fast(1, 1_000));
        assert!(is_fast(2, 1_000));
    }
}
