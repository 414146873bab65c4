//! The life of an order: where it stands, and what each event makes of it.
//!
//! ```text
//! accepted ─┬─ rejected ■
//!           └─ reserved ─┬─ declined ──────────────────────────────┬─ cancelled ■
//!                        └─ paid ─┬─ fulfilled ■                   │
//!                                 └─ withdrawn ─── refunded ───────┘
//! ```
//! A request to cancel withdraws an order from any state on the way to `fulfilled`, so an event
//! of the way forward can come after one of the way back. It is history then and moves nothing.

use serde::{Deserialize, Serialize};

use crate::EventKind;

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Acknowledged: on disk at the brokers, not yet seen by inventory.
    Accepted,
    /// The stock of every line is held for it.
    Reserved,
    /// It is paid.
    Paid,
    /// The charge was declined; its stock is about to go back.
    Declined,
    /// It will never be shipped; its money is about to go back.
    Withdrawn,
    /// No money is held for it; its stock is about to go back.
    Refunded,
    /// Final: nothing of it was reserved.
    Rejected,
    /// Final: money and stock are back.
    Cancelled,
    /// Final: its shipment is booked.
    Fulfilled,
}

impl Status {
    /// Whether nothing can happen to the order any more.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Rejected | Self::Cancelled | Self::Fulfilled)
    }

    /// The status after an event of this kind. Never leaves a final state, and never goes back: an
    /// event that comes late or again changes nothing.
    #[must_use]
    pub fn after(self, event: EventKind) -> Self {
        let reached = match event {
            EventKind::Created => Self::Accepted,
            EventKind::Reserved => Self::Reserved,
            EventKind::Rejected => Self::Rejected,
            EventKind::Paid => Self::Paid,
            EventKind::Declined => Self::Declined,
            EventKind::Fulfilled => Self::Fulfilled,
            EventKind::Withdrawn => Self::Withdrawn,
            EventKind::Refunded => Self::Refunded,
            EventKind::Cancelled => Self::Cancelled,
            EventKind::Conflicted | EventKind::CancelRequested | EventKind::CancelRefused => self,
        };
        if self.is_final() { self } else { self.max(reached) }
    }

    /// The status's name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Reserved => "reserved",
            Self::Paid => "paid",
            Self::Declined => "declined",
            Self::Withdrawn => "withdrawn",
            Self::Refunded => "refunded",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
            Self::Fulfilled => "fulfilled",
        }
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_events() -> impl Strategy<Value = Vec<EventKind>> {
        prop::collection::vec(prop::sample::select(&EventKind::ALL), 0..20)
    }

    fn replay(events: &[EventKind]) -> Status {
        events.iter().fold(Status::Accepted, |status, event| status.after(*event))
    }

    proptest! {
        #[test]
        fn no_order_of_events_leads_out_of_a_final_state(
            before in any_events(),
            after in any_events(),
        ) {
            let status = replay(&before);
            prop_assume!(status.is_final());
            prop_assert_eq!(after.iter().fold(status, |s, e| s.after(*e)), status);
        }

        #[test]
        fn an_event_that_comes_twice_or_late_changes_nothing(events in any_events()) {
            let status = replay(&events);
            for event in &events {
                prop_assert_eq!(status.after(*event), status);
            }
        }
    }

    #[test]
    fn each_way_leads_to_its_end() {
        use EventKind::*;
        let ends = [
            (vec![Created, Reserved, Paid, Fulfilled], Status::Fulfilled),
            (vec![Created, Rejected], Status::Rejected),
            (vec![Created, Reserved, Declined, Cancelled], Status::Cancelled),
            (vec![Created, CancelRequested, Withdrawn, Refunded, Cancelled], Status::Cancelled),
            (vec![Created, Reserved, Withdrawn, Paid, Refunded], Status::Refunded),
            (vec![Created, Reserved, Paid, Fulfilled, CancelRefused], Status::Fulfilled),
            (vec![Created, Reserved, Conflicted], Status::Reserved),
        ];
        for (events, end) in ends {
            assert_eq!(replay(&events), end, "{events:?}");
        }
    }
}
