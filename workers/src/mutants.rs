//! Outcomes that are told otherwise than their rows say, where a test asks for it: see
//! [`streams::Mutant`].

use orders::{Event, What};
use streams::Mutant;

use crate::task::now;

/// Spoils `outcomes`; in a program that is no test, does nothing.
pub(crate) fn spoil(outcomes: &mut [Event]) {
    for event in outcomes {
        if Mutant::TimeFromNow.is_on() {
            event.at = now().into();
        }
        if let What::Withdrawn { reason } = &event.what
            && Mutant::ReleaseUnasked.is_on()
        {
            event.what = What::Refunded { amount: None, reason: reason.clone() };
        }
    }
}
