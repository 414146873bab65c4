//! The log of requests that failed through no fault of their client, so that the one that a client reports
//! is found by its id. During an overload or an outage these are most requests: a few of each second are
//! logged, and the others are counted.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::limits::FAILURES_LOGGED_PER_SECOND;

/// How many lines the current second has.
pub(crate) struct FailureLog(Mutex<Second>);

struct Second {
    began: Instant,
    logged: u32,
    left_out: u64,
}

/// Whether a failure is logged.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum LogEntry {
    /// It is, after this many that were not.
    After { left_out: u64 },
    /// It is counted.
    LeftOut,
}

impl FailureLog {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Second { began: Instant::now(), logged: 0, left_out: 0 }))
    }

    /// Counts a failure at `now`.
    pub(crate) fn count(&self, now: Instant) -> LogEntry {
        let mut second = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_duration_since(second.began) >= Duration::from_secs(1) {
            (second.began, second.logged) = (now, 0);
        }
        if second.logged == FAILURES_LOGGED_PER_SECOND {
            second.left_out += 1;
            return LogEntry::LeftOut;
        }
        second.logged += 1;
        LogEntry::After { left_out: std::mem::take(&mut second.left_out) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_failures_of_each_second_are_logged_and_the_others_are_counted() {
        let log = FailureLog::new();
        let start = Instant::now();
        for _ in 0..FAILURES_LOGGED_PER_SECOND {
            assert_eq!(log.count(start), LogEntry::After { left_out: 0 });
        }
        for _ in 0..3 {
            assert_eq!(log.count(start), LogEntry::LeftOut);
        }
        let next_second = start + Duration::from_secs(1);
        assert_eq!(log.count(next_second), LogEntry::After { left_out: 3 });
        assert_eq!(log.count(next_second), LogEntry::After { left_out: 0 });
    }
}
