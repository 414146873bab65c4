//! The row of a payment.

use std::time::{Duration, SystemTime};

use orders::Money;
use uuid::Uuid;

use super::provider::HARD;
use crate::model_check::message::{Delivered, Message};
use crate::payment::intent_progress::Submission;
use crate::payment::payment_row::{Payment, State};

pub(super) const PAYMENT_TIMEOUT: Duration = Duration::from_secs(5);

/// The row of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct PaymentRow {
    pub(super) state: State,
    /// The number of the intent.
    pub(super) intent: Option<u8>,
    /// Whether the buyer had to act, and so may have what completes the payment.
    pub(super) has_acted: bool,
    /// Whether it records the card that the buyer has submitted.
    pub(super) has_submission: bool,
    /// By which message it was written.
    pub(super) by: Option<Delivered>,
}

impl PaymentRow {
    pub(super) const fn new(state: State) -> Self {
        Self { state, intent: None, has_acted: false, has_submission: false, by: None }
    }

    pub(super) fn of(payment: &Payment) -> Self {
        Self {
            state: payment.state,
            intent: payment.intent.as_deref().and_then(|intent| intent.parse().ok()),
            has_acted: payment.action_at.is_some(),
            has_submission: !payment.submissions.is_empty(),
            by: Delivered::of(&payment.written),
        }
    }

    pub(super) fn payment(self) -> Payment {
        let at = SystemTime::UNIX_EPOCH;
        let is = |states: &[State]| states.contains(&self.state).then_some(at);
        let blank = Payment {
            state: self.state,
            intent: self.intent.map(|number| number.to_string()),
            action_at: self.has_acted.then_some(at),
            decided_at: is(&[State::Paid, State::Declined, State::Refunded]),
            refunded_at: is(&[State::Refunded, State::Voided]),
            decline_code: is(&[State::Declined]).map(|_| HARD.to_owned()),
            written: self.by.map(Delivered::written).unwrap_or_default(),
            ..Payment::pending(
                Uuid::nil(),
                Money { amount: 1, currency: "EUR".parse().unwrap() },
                at + PAYMENT_TIMEOUT,
            )
        };
        if !self.has_submission {
            return blank;
        }
        let submission = Submission::of(Message::NewCard.input(), &blank);
        blank.with(submission.as_ref())
    }
}

/// The time of the database, before or after the reservation has expired.
pub(super) fn now(is_late: bool) -> SystemTime {
    SystemTime::UNIX_EPOCH + if is_late { PAYMENT_TIMEOUT * 2 } else { Duration::ZERO }
}
