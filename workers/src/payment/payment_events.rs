//! The events that the row of a payment records: content and times are the row's.

use std::time::SystemTime;

use orders::{CancelledBy, Event, EventBody};

use super::payment_row::Payment;
use crate::step_input::order_id;

/// What the event of a payment without an intent has in its place: every version reads a text there.
const NO_INTENT: &str = "none";

impl Payment {
    /// The event of a payment for which the buyer has to act, or had to.
    pub(super) fn requires_action_event(&self) -> Option<Event> {
        self.event(self.action_at, EventBody::RequiresAction)
    }

    /// The event of a payment that is charged.
    pub(super) fn paid_event(&self) -> Option<Event> {
        let nothing = || self.is_free().then(|| NO_INTENT.to_owned());
        let payment_intent = self.intent.clone().or_else(nothing)?;
        self.event(self.decided_at, EventBody::Paid { amount: self.amount?, payment_intent })
    }

    /// The event of a payment that is declined.
    pub(super) fn declined_event(&self) -> Option<Event> {
        let decline_code = self.decline_code.clone()?;
        self.event(self.decided_at, EventBody::Declined { decline_code })
    }

    /// The event of a payment that waited for its buyer until the reservation expired.
    pub(super) fn expired_event(&self) -> Option<Event> {
        self.event(self.expires_at, EventBody::CancelRequested { by: CancelledBy::Expiry })
    }

    fn event(&self, at: Option<SystemTime>, body: EventBody) -> Option<Event> {
        Some(Event { order_id: order_id(self.id), at: at?.into(), body, traceparent: None })
    }
}
