//! What payment does for an order: pure functions of its row, of what the provider has answered, and of
//! whether the reservation has expired. The calls and the SQL are in the files of the steps.

use std::time::Duration;

use orders::{NextAction, OnDecline};

use super::declines::{after_first_decline, is_last_decline, payment_missing};
use super::payment_row::{Payment, State};
use super::provider::{Confirmation, Decline, RefundStatus, Status};
use crate::limits::{BANK_POLL_MIN, PAYMENT_POLL_INTERVAL_MAX, REFUND_POLL_MAX};
use crate::step_input::StepOutcome;

/// A call that `charge` makes for an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChargeCall {
    /// Creates an intent, unless there is nothing to pay.
    CreateIntent,
    /// Confirms the intent of the row.
    Confirm,
}

/// The call that `charge` makes next.
pub(super) fn charge_call(row: Option<&Payment>, is_expired: bool) -> Option<ChargeCall> {
    match row.map(|row| row.state) {
        _ if is_expired => None,
        None => Some(ChargeCall::CreateIntent),
        Some(State::Pending) => Some(ChargeCall::Confirm),
        Some(_) => None,
    }
}

/// The row of a pending charge after its confirm. `waited` is the time since the reservation.
pub(super) fn after_confirm(
    row: &Payment,
    on_decline: OnDecline,
    confirmation: Confirmation,
    waited: Duration,
) -> Result<Payment, StepOutcome> {
    let row = row.clone();
    match confirmation {
        Confirmation::Succeeded => Ok(row.paid()),
        Confirmation::Declined(decline) => Ok(after_first_decline(row, on_decline, decline)),
        Confirmation::RequiresAction(action) => Ok(row.requires(action)),
        // Of an order without a payment method, for which an earlier version created an intent.
        Confirmation::Unexpected { status: Status::RequiresPaymentMethod } => {
            Ok(after_first_decline(row, on_decline, payment_missing()))
        }
        // The bank takes its time.
        Confirmation::Unexpected { status: Status::Processing } => {
            Err(StepOutcome::Wait(growing_wait(waited, BANK_POLL_MIN, PAYMENT_POLL_INTERVAL_MAX)))
        }
        // Cancelled at the provider by hand, or by a refund that comes at the same time.
        Confirmation::Unexpected { status: Status::Canceled } => {
            Ok(row.declined("payment_canceled".to_owned()))
        }
        Confirmation::Unexpected { status } => Err(unexpected(status)),
    }
}

/// Whether `complete` asks the provider for the payment, which waits for its buyer.
pub(super) fn complete_asks(row: &Payment, is_expired: bool) -> bool {
    row.state == State::RequiresAction && !is_expired
}

/// What `complete` does after the provider's answer.
#[derive(Debug)]
pub(super) enum AfterAnswer {
    Write(Payment),
    /// The row stays as it is.
    Keep,
    /// Cancels the intent, and declines the payment with this code if that succeeds: the buyer's
    /// browser could still complete it.
    Close(Payment, String),
}

/// What `complete` does after the provider's answer. `has_submission` is whether `row` records a payment
/// method that is not stored yet.
pub(super) fn after_answer(
    row: Payment,
    has_submission: bool,
    confirmation: Confirmation,
) -> AfterAnswer {
    match confirmation {
        Confirmation::Succeeded => AfterAnswer::Write(row.paid()),
        Confirmation::RequiresAction(action) => AfterAnswer::Write(row.requires(action)),
        Confirmation::Declined(decline) if is_last_decline(&row, &decline) => {
            AfterAnswer::Close(row, decline.code)
        }
        Confirmation::Declined(Decline { code, .. }) => {
            AfterAnswer::Write(row.requires(NextAction::NewPaymentMethod { decline_code: code }))
        }
        Confirmation::Unexpected { .. } if has_submission => AfterAnswer::Write(row),
        // It is being processed; or it was cancelled, as refund will find.
        Confirmation::Unexpected { .. } => AfterAnswer::Keep,
    }
}

/// The row after the cancel of an intent that was to be closed.
pub(super) fn after_close(row: Payment, code: String, status: Status) -> Payment {
    match status {
        Status::Canceled => row.declined(code),
        Status::Succeeded => row.paid(),
        // The buyer's browser was faster: the next look decides.
        _ => row,
    }
}

/// The row that `refund` inserts for an order that has none: a tombstone, which prevents a charge.
pub(super) const TOMBSTONE: State = State::Voided;

/// A call that `refund` makes for an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RefundCall {
    Cancel,
    Refund,
    /// None: nothing was paid, so all of it is refunded.
    Nothing,
}

/// The call that `refund` makes first: none if the provider holds no money for the order and cannot
/// capture it either.
pub(super) fn refund_call(row: &Payment) -> Option<RefundCall> {
    if row.intent.is_none() {
        return (row.state == State::Paid && row.is_free()).then_some(RefundCall::Nothing);
    }
    match row.state {
        State::Pending | State::RequiresAction => Some(RefundCall::Cancel),
        State::Paid => Some(RefundCall::Refund),
        State::Declined | State::Refunded | State::Voided => None,
    }
}

/// The state of the row after a cancel; `None` if the money has to be refunded. `waited` is the time since
/// the withdrawal.
pub(super) fn after_cancel(status: Status, waited: Duration) -> Result<Option<State>, StepOutcome> {
    match status {
        Status::Canceled => Ok(Some(State::Voided)),
        Status::Succeeded => Ok(None),
        // The bank takes its time, and it is unknown whether money will be held.
        Status::Processing => {
            Err(StepOutcome::Wait(growing_wait(waited, BANK_POLL_MIN, REFUND_POLL_MAX)))
        }
        // The intent may still succeed, so it is unknown whether money is held.
        status => Err(unexpected(status)),
    }
}

/// The state of the row after a refund. `waited` is the time since the withdrawal.
pub(super) fn after_refund(status: RefundStatus, waited: Duration) -> Result<State, StepOutcome> {
    match status {
        RefundStatus::Succeeded => Ok(State::Refunded),
        // An account may have to be funded, or the money returned in another way.
        RefundStatus::Failed | RefundStatus::Canceled => {
            Err(StepOutcome::reject("the refund failed at the payment provider"))
        }
        // No attempt has failed, and days may pass.
        RefundStatus::Pending | RefundStatus::RequiresAction | RefundStatus::Unknown => {
            Err(StepOutcome::Wait(growing_wait(waited, BANK_POLL_MIN, REFUND_POLL_MAX)))
        }
    }
}

/// How long to wait before the provider is asked again about what it has not finished. It grows with the
/// time that this has taken, so that many of them, or one that takes days, do not use up the calls that are
/// allowed. It is never less than `min`, which may be configured to more than `max`.
pub(super) fn growing_wait(waited: Duration, min: Duration, max: Duration) -> Duration {
    min.max((waited / 4).min(max))
}

fn unexpected(status: Status) -> StepOutcome {
    StepOutcome::Retry(format!("unexpected status of the payment intent: {status:?}"))
}

#[cfg(test)]
mod tests {
    use orders::Money;

    use super::*;

    fn waiting() -> Payment {
        Payment { state: State::RequiresAction, ..Payment::with_submissions(0) }
    }

    #[test]
    fn a_payment_that_is_being_processed_stays_as_it_is() {
        let unexpected = Confirmation::Unexpected { status: Status::Processing };
        assert!(matches!(after_answer(waiting(), false, unexpected), AfterAnswer::Keep));
    }

    #[test]
    fn what_cost_nothing_is_refunded_without_a_call_and_anything_else_with_one() {
        let paid = |amount| {
            let amount = Money { amount, currency: "EUR".parse().unwrap() };
            Payment { amount: Some(amount), ..Payment::with_submissions(0).paid() }
        };
        assert_eq!(refund_call(&paid(0)), Some(RefundCall::Nothing));
        assert_eq!(refund_call(&paid(5)), None);
        let intent = Some("pi_1".to_owned());
        assert_eq!(refund_call(&Payment { intent, ..paid(5) }), Some(RefundCall::Refund));
        let refunded = Payment { state: State::Refunded, ..paid(0) };
        assert_eq!(refund_call(&refunded), None);
    }

    #[test]
    fn an_intent_that_never_had_a_payment_method_is_declined() {
        let pending = || Payment::with_submissions(0);
        let of_status = |status| {
            let confirmation = Confirmation::Unexpected { status };
            after_confirm(&pending(), OnDecline::Cancel, confirmation, Duration::ZERO)
        };
        let declined = of_status(Status::RequiresPaymentMethod).unwrap();
        assert_eq!(declined.state, State::Declined);
        assert_eq!(declined.decline_code.as_deref(), Some("payment_missing"));
        assert!(of_status(Status::RequiresConfirmation).is_err());
        assert_eq!(of_status(Status::Canceled).unwrap().state, State::Declined);
    }

    #[test]
    fn what_a_bank_has_not_decided_is_asked_for_ever_more_rarely_and_counts_no_attempt() {
        let waits = |hours: u64| {
            let waited = Duration::from_hours(hours);
            let processing = Confirmation::Unexpected { status: Status::Processing };
            let pending = Payment::with_submissions(0);
            let charge = after_confirm(&pending, OnDecline::Cancel, processing, waited).err();
            let cancel = after_cancel(Status::Processing, waited).err();
            let refund = after_refund(RefundStatus::Pending, waited).err();
            [charge, cancel, refund].map(|outcome| match outcome {
                Some(StepOutcome::Wait(delay)) => delay,
                other => panic!("{other:?}"),
            })
        };
        assert_eq!(waits(0), [BANK_POLL_MIN; 3]);
        assert_eq!(waits(100), [PAYMENT_POLL_INTERVAL_MAX, REFUND_POLL_MAX, REFUND_POLL_MAX]);
    }
}
