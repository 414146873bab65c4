//! What the failpoints of this crate do besides a crash. Compiled into test builds only.

use std::time::SystemTime;

use orders::{Event, EventBody, Timestamp};
use streams::{Record, failpoints};

use crate::step_input::now;

/// A clock that is wrong by the seconds of the failpoint `clock=SECONDS`, which may be negative.
pub(crate) fn wrong_clock() -> SystemTime {
    let seconds = failpoints::value("clock").and_then(|seconds| seconds.parse().ok());
    let millis = Timestamp::from(SystemTime::now()).as_millis() + 1_000 * seconds.unwrap_or(0);
    Timestamp::from_millis(millis).into()
}

/// Crashes if the record contains the text of the failpoint `crash_on_record=TEXT`.
pub(crate) fn crash_on_record(record: &Record) {
    let text = failpoints::value("crash_on_record").unwrap_or_default();
    if String::from_utf8_lossy(&record.line).contains(&text) {
        failpoints::crash_if_active("crash_on_record");
    }
}

/// Outcomes that differ from their rows: they have the current time.
pub(crate) fn stamp_with_current_time(outcomes: &mut [Event]) {
    for event in outcomes {
        event.at = now().into();
    }
}

/// Stock is released before payment has confirmed that no money is held.
pub(crate) fn skip_refund(outcomes: &mut [Event]) {
    for event in outcomes {
        if let EventBody::Withdrawn { reason } = &event.body {
            event.body = EventBody::Refunded { amount: None, reason: reason.clone() };
        }
    }
}
