//! The framing of server-sent events: pure. Data is JSON, which has no line breaks.

use bytes::BytesMut;
use orders::{Reason, Status};
use serde::Serialize;

use crate::follow::Progress;
use crate::limits::EVENT_RETRY_MILLIS;

/// A comment, which clients ignore.
pub(super) const HEARTBEAT: &[u8] = b":\n\n";

#[derive(Serialize)]
struct StatusEvent<'a> {
    status: Status,
    /// `null` while no worker has processed the order.
    at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a Reason>,
}

/// When the client connects again after the stream has ended.
pub(super) fn retry_frame() -> Vec<u8> {
    format!("retry: {EVENT_RETRY_MILLIS}\n\n").into_bytes()
}

/// Appends an event for each status that an order has reached after `sent`. Returns the last one that is sent.
pub(super) fn write_statuses(
    progress: &Progress,
    sent: Option<Status>,
    out: &mut BytesMut,
) -> Option<Status> {
    let mut last = sent;
    let begins_later = progress.history.first().is_none_or(|it| it.status > Status::Accepted);
    if sent.is_none() && begins_later {
        // No look-up has shown when; what follows may be known by events already.
        write(&StatusEvent { status: Status::Accepted, at: None, reason: None }, out);
        last = Some(Status::Accepted);
    }
    for change in &progress.history {
        if last.is_none_or(|last| change.status > last) {
            let reason = progress.reason.as_ref().filter(|_| is_explained(change.status));
            let at = Some(change.at.to_string());
            write(&StatusEvent { status: change.status, at, reason }, out);
            last = Some(change.status);
        }
    }
    last
}

/// Whether the reason of an order is that of this status.
const fn is_explained(status: Status) -> bool {
    matches!(status, Status::Rejected | Status::Withdrawn | Status::Refunded | Status::Cancelled)
}

fn write(event: &StatusEvent<'_>, out: &mut BytesMut) {
    let data = serde_json::to_vec(event).expect("an event has string keys and texts");
    for part in [b"id: ", event.status.as_str().as_bytes(), b"\ndata: ", &data[..], b"\n\n"] {
        out.extend_from_slice(part);
    }
}

#[cfg(test)]
mod tests {
    use orders::{CancelReason, CancelledBy, StatusChange, Timestamp};

    use super::*;

    fn frames(progress: &Progress, sent: Option<Status>) -> (String, Option<Status>) {
        let mut out = BytesMut::new();
        let last = write_statuses(progress, sent, &mut out);
        (String::from_utf8(out.to_vec()).unwrap(), last)
    }

    #[test]
    fn each_status_that_was_not_sent_is_an_event_of_its_own() {
        let change = |status| StatusChange { status, at: Timestamp::from_millis(0) };
        let progress = Progress {
            status: Status::Withdrawn,
            reason: Some(Reason::Cancelled(CancelReason::Requested { by: CancelledBy::Buyer })),
            history: [Status::Accepted, Status::Paid, Status::Withdrawn].map(change).to_vec(),
        };
        let at = "1970-01-01T00:00:00Z";
        let rest = format!(
            "id: paid\ndata: {{\"status\":\"paid\",\"at\":\"{at}\"}}\n\nid: withdrawn\ndata: {{\"status\":\
             \"withdrawn\",\"at\":\"{at}\",\"reason\":{{\"code\":\"requested\",\"by\":\"buyer\"}}}}\n\n"
        );
        for sent in [Some(Status::Accepted), Some(Status::Reserved)] {
            assert_eq!(frames(&progress, sent), (rest.clone(), Some(Status::Withdrawn)));
        }
        let (all, _) = frames(&progress, None);
        assert!(all.starts_with("id: accepted\n") && all.ends_with(&rest), "{all}");
        for sent in [Status::Withdrawn, Status::Refunded] {
            assert_eq!(frames(&progress, Some(sent)), (String::new(), Some(sent)));
        }
    }

    #[test]
    fn an_order_that_no_worker_has_processed_is_accepted() {
        let progress = Progress { status: Status::Accepted, reason: None, history: Vec::new() };
        let expected = "id: accepted\ndata: {\"status\":\"accepted\",\"at\":null}\n\n";
        assert_eq!(frames(&progress, None), (expected.to_owned(), Some(Status::Accepted)));
        assert_eq!(frames(&progress, Some(Status::Accepted)).0, "");
    }

    #[test]
    fn a_stream_begins_with_accepted_also_if_only_events_are_known() {
        let at = Timestamp::from_millis(0);
        let history = vec![StatusChange { status: Status::Reserved, at }];
        let progress = Progress { status: Status::Reserved, reason: None, history };
        let (all, last) = frames(&progress, None);
        let accepted =
            "id: accepted\ndata: {\"status\":\"accepted\",\"at\":null}\n\nid: reserved\n";
        assert!(all.starts_with(accepted), "{all}");
        assert_eq!(last, Some(Status::Reserved));
        assert!(frames(&progress, Some(Status::Accepted)).0.starts_with("id: reserved\n"));
    }

    #[test]
    fn frames_end_with_an_empty_line() {
        assert_eq!(retry_frame(), b"retry: 2000\n\n");
        assert!(HEARTBEAT.starts_with(b":") && HEARTBEAT.ends_with(b"\n\n"));
    }
}
