//! Outcomes that a test falsifies, so that they differ from their rows: see [`streams::Sabotage`].

use orders::{Event, EventBody};
use streams::Sabotage;

use crate::step_input::now;

/// Falsifies `outcomes` if a test switches it on. Does nothing in a build without test switches.
pub(crate) fn falsify(outcomes: &mut [Event]) {
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
