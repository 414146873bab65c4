//! Outcomes that are told otherwise than their rows say, where a test asks for it: see
//! [`streams::Sabotage`].

use orders::{Event, EventBody};
use streams::Sabotage;

use crate::task::now;

/// Spoils `outcomes`; in a program that is no test, does nothing.
pub(crate) fn spoil(outcomes: &mut [Event]) {
    for event in outcomes {
        if Sabotage::TimeFromNow.is_on() {
            event.at = now().into();
        }
        if let EventBody::Withdrawn { reason } = &event.body
            && Sabotage::ReleaseUnasked.is_on()
        {
            event.body = EventBody::Refunded { amount: None, reason: reason.clone() };
        }
    }
}
