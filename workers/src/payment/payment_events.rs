//! The events that the row of a payment records: content and times are the row's.

use std::time::SystemTime;

use orders::{CancelledBy, Event, EventBody};

use super::payment_row::Payment;
use crate::step_input::order_id;

impl Payment {
    /// The event of a payment for which the buyer has to act, or had to.
    pub(super) fn requires_action_event(&self) -> Option<Event> {
        self.event(self.action_at, EventBody::RequiresAction)
    }

    /// The event of a payment that is charged.
    pub(super) fn paid_event(&self) -> Option<Event> {
        let payment_intent = self.intent.clone()?;
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
        Some(Event { order_id: order_id(self.id), at: at?.into(), body })
    }
}
