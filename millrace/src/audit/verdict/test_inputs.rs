//! Inputs of the checks, built in memory.

use orders::{CancelReason, CancelledBy, Event, EventBody, OrderId, OrderView, Status, Timestamp};

use super::Verdict;
use crate::audit::report::Report;
use crate::audit::stream_history::StreamHistory;

/// The id of the order with this number.
pub(crate) fn id(number: u8) -> OrderId {
    OrderId::from_bytes([number; 16])
}

/// The problems that `check` finds on a quiescent cluster, each as `subject: detail`.
pub(crate) fn problems(check: impl FnOnce(&mut Verdict)) -> Vec<String> {
    found(true, check)
}

fn found(is_quiescent: bool, check: impl FnOnce(&mut Verdict)) -> Vec<String> {
    let mut verdict = Verdict::new(Report::default(), is_quiescent);
    check(&mut verdict);
    let (report, _) = verdict.into_report();
    assert_eq!(report.passed, report.problems.is_empty());
    report.problems.iter().map(|it| format!("{}: {}", it.subject, it.detail)).collect()
}

/// A whole stream with these events, each in a message of its own.
pub(crate) fn history(events: &[(OrderId, EventBody)]) -> StreamHistory {
    let mut history = StreamHistory { is_complete: true, ..StreamHistory::default() };
    for (order_id, body) in events {
        let at = Timestamp::from_millis(0);
        let mut line = Vec::new();
        Event { order_id: *order_id, at, body: body.clone() }.write_line(&mut line);
        history.end += 1;
        history.apply(&line, history.end);
    }
    history
}

/// The view of an order with this status.
pub(crate) fn view(status: Status) -> OrderView {
    let history = Vec::new();
    OrderView { status, reason: None, history, body_digest: None, next_action: None }
}

pub(crate) fn cancelled() -> EventBody {
    EventBody::Cancelled { reason: CancelReason::Requested { by: CancelledBy::Buyer } }
}
