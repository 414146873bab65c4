//! What the failpoints of this crate do besides a crash. Compiled into test builds only.

use orders::{Event, EventBody};
use streams::{Record, failpoints};

use crate::step_input::now;

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
