//! When a process that exits repeatedly is restarted: with exponential back-off.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

/// The shortest and the longest time from one start to the next of a process that exits soon.
const BACKOFF_MIN: Duration = Duration::from_secs(1);
const BACKOFF_MAX: Duration = Duration::from_mins(1);
/// After running this long a process exits for another reason than before: the back-off starts
/// again.
const BACKOFF_RESET_AFTER: Duration = Duration::from_mins(5);

/// The last restart of each process, by its name.
#[derive(Default)]
pub(super) struct RestartBackoff(HashMap<String, Restart>);

struct Restart {
    at: Instant,
    /// The least time from this restart to the next one.
    backoff: Duration,
}

impl RestartBackoff {
    /// Whether the process `name`, which has exited, is to be restarted now. `true` records the
    /// restart.
    pub(super) fn is_due(&mut self, name: &str, now: Instant) -> bool {
        let Some(last) = self.0.get_mut(name) else {
            self.0.insert(name.to_owned(), Restart { at: now, backoff: BACKOFF_MIN });
            return true;
        };
        let uptime = now - last.at;
        if uptime < last.backoff {
            return false;
        }
        let backoff = if uptime < BACKOFF_RESET_AFTER { last.backoff * 2 } else { BACKOFF_MIN };
        *last = Restart { at: now, backoff: backoff.min(BACKOFF_MAX) };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_exits_repeatedly_is_restarted_with_exponential_backoff() {
        assert_eq!(restart_seconds(0..200), [0, 1, 3, 7, 15, 31, 63, 123, 183]);
    }

    #[test]
    fn a_process_that_ran_for_five_minutes_is_restarted_immediately() {
        assert_eq!(restart_seconds([0, 1, 3, 303, 304]), [0, 1, 3, 303, 304]);
    }

    /// The seconds at which a process is restarted that has exited whenever it is checked, at each
    /// of `seconds`.
    fn restart_seconds(seconds: impl IntoIterator<Item = u64>) -> Vec<u64> {
        let mut restarts = RestartBackoff::default();
        let start = Instant::now();
        let is_due =
            |second: &u64| restarts.is_due("process", start + Duration::from_secs(*second));
        seconds.into_iter().filter(is_due).collect()
    }
}
