//! The life of an order: its status, and the transition that each event causes.
//!
//! ```text
//! accepted ─┬─ rejected ■
//!           └─ reserved ─┬─ declined ──────────────────────────────┬─ cancelled ■
//!                        └─ paid ─┬─ fulfilled ■                   │
//!                                 └─ withdrawn ─── refunded ───────┘
//! ```
//! Between `reserved` and `paid` or `declined` an order can be in `requires_action`, if the buyer has
//! to authenticate the payment or to choose another payment method.
//!
//! A request to cancel can withdraw an order from any state before `fulfilled`, so a forward event
//! can arrive after an event of the cancellation. It is then recorded as history and causes no
//! transition.

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr, VariantArray};

use crate::EventKind;

/// The status of an order.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    Display,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Status {
    /// Acknowledged: stored by the brokers, not yet processed by inventory.
    Accepted,
    /// The stock of every line is reserved.
    Reserved,
    /// The buyer has to act before it can be paid.
    RequiresAction,
    /// It is paid.
    Paid,
    /// The charge was declined for good; its stock will be released.
    Declined,
    /// It will never be shipped; its payment will be refunded.
    Withdrawn,
    /// No money is held for it; its stock will be released.
    Refunded,
    /// Final: no stock was reserved.
    Rejected,
    /// Final: the payment is refunded and the stock is released.
    Cancelled,
    /// Final: its shipment is booked.
    Fulfilled,
}

impl Status {
    /// Whether the status is final: no event causes a further transition.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Rejected | Self::Cancelled | Self::Fulfilled)
    }

    /// The status after an event of this kind. Never leaves a final state and never moves
    /// backwards: a late or repeated event changes nothing.
    #[must_use]
    pub fn after(self, event: EventKind) -> Self {
        let target = match event {
            EventKind::Created => Self::Accepted,
            EventKind::Reserved => Self::Reserved,
            EventKind::Rejected => Self::Rejected,
            EventKind::RequiresAction => Self::RequiresAction,
            EventKind::Paid => Self::Paid,
            EventKind::Declined => Self::Declined,
            EventKind::Fulfilled => Self::Fulfilled,
            EventKind::Withdrawn => Self::Withdrawn,
            EventKind::Refunded => Self::Refunded,
            EventKind::Cancelled => Self::Cancelled,
            EventKind::Conflicted
            | EventKind::PaymentSubmitted
            | EventKind::CancelRequested
            | EventKind::CancelRefused => self,
        };
        if self.is_final() { self } else { self.max(target) }
    }

    /// Whether this status comes right after `before`, as far as the two can show it. An order is withdrawn from
    /// several statuses, so a withdrawal comes right after none.
    pub const fn follows(self, before: Self) -> bool {
        matches!(
            (before, self),
            (Self::Accepted, Self::Reserved | Self::Rejected)
                | (Self::Reserved, Self::RequiresAction)
                | (Self::Reserved | Self::RequiresAction, Self::Paid | Self::Declined)
                | (Self::Paid, Self::Fulfilled)
                | (Self::Withdrawn, Self::Refunded)
                | (Self::Declined | Self::Refunded, Self::Cancelled)
        )
    }

    /// The status's name on the wire.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_events() -> impl Strategy<Value = Vec<EventKind>> {
        prop::collection::vec(prop::sample::select(EventKind::ALL), 0..20)
    }

    fn replay(events: &[EventKind]) -> Status {
        events.iter().fold(Status::Accepted, |status, event| status.after(*event))
    }

    proptest! {
        #[test]
        fn no_sequence_of_events_leads_out_of_a_final_state(
            before in any_events(),
            after in any_events(),
        ) {
            let status = replay(&before);
            prop_assume!(status.is_final());
            prop_assert_eq!(after.iter().fold(status, |s, e| s.after(*e)), status);
        }

        #[test]
        fn a_repeated_or_late_event_changes_nothing(events in any_events()) {
            let status = replay(&events);
            for event in &events {
                prop_assert_eq!(status.after(*event), status);
            }
        }
    }

    #[test]
    fn a_status_follows_one_that_is_before_it_and_not_final() {
        let all = EventKind::ALL.iter().map(|event| Status::Accepted.after(*event));
        let all: Vec<Status> = all.collect();
        for (before, status) in all.iter().flat_map(|it| all.iter().map(move |other| (*it, *other)))
        {
            if status.follows(before) {
                assert!(before < status && !before.is_final(), "{before} {status}");
            }
        }
        // Each status that is reached without a withdrawal is reached step by step.
        assert!(
            Status::Fulfilled.follows(Status::Paid) && !Status::Fulfilled.follows(Status::Reserved)
        );
        assert!(!Status::Withdrawn.follows(Status::Paid));
    }

    #[test]
    fn each_sequence_of_events_leads_to_its_final_status() {
        use EventKind::*;
        let paths = [
            (vec![Created, Reserved, Paid, Fulfilled], Status::Fulfilled),
            (vec![Created, Rejected], Status::Rejected),
            (vec![Created, Reserved, Declined, Cancelled], Status::Cancelled),
            (vec![Created, CancelRequested, Withdrawn, Refunded, Cancelled], Status::Cancelled),
            (vec![Created, Reserved, Withdrawn, Paid, Refunded], Status::Refunded),
            (vec![Created, Reserved, Paid, Fulfilled, CancelRefused], Status::Fulfilled),
            (vec![Created, Reserved, Conflicted], Status::Reserved),
            (vec![Created, Reserved, RequiresAction, PaymentSubmitted], Status::RequiresAction),
            (vec![Created, Reserved, RequiresAction, Paid], Status::Paid),
        ];
        for (events, status) in paths {
            assert_eq!(replay(&events), status, "{events:?}");
        }
    }
}
