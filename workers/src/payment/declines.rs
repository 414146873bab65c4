//! What a decline means for a payment: its end, or that the buyer may try another payment method. Pure
//! functions.

use orders::{NextAction, OnDecline};

use super::payment_row::Payment;
use super::provider::Decline;
use crate::limits::PAYMENT_METHODS_MAX;

/// The decline of an order that has no payment method: an earlier version accepted it so.
pub(super) fn payment_missing() -> Decline {
    Decline::of_method("payment_missing".to_owned())
}

/// Whether an order gets an intent without a payment method after its own was refused, so that there was
/// none to be confirmed.
pub(super) const fn needs_open_intent(on_decline: OnDecline, decline: &Decline) -> bool {
    matches!(on_decline, OnDecline::NewPaymentMethod) && !decline.is_final
}

/// The row after the order's own payment method was declined. It waits for another one only on an
/// intent that can be confirmed with it.
pub(super) fn after_first_decline(
    row: Payment,
    on_decline: OnDecline,
    decline: Decline,
) -> Payment {
    let may_wait = on_decline == OnDecline::NewPaymentMethod && row.intent.is_some();
    if may_wait && !is_last_decline(&row, &decline) {
        row.requires(NextAction::NewPaymentMethod { decline_code: decline.code })
    } else {
        row.declined(decline.code)
    }
}

/// Whether no further payment method is accepted after this decline.
pub(super) fn is_last_decline(row: &Payment, decline: &Decline) -> bool {
    decline.is_final || row.submissions.len() >= PAYMENT_METHODS_MAX
}

#[cfg(test)]
mod tests {
    use super::super::payment_row::State;
    use super::*;

    fn row(submissions: usize) -> Payment {
        Payment { intent: Some("pi_1".to_owned()), ..Payment::with_submissions(submissions) }
    }

    fn decline(code: &str) -> Decline {
        Decline::of_method(code.to_owned())
    }

    #[test]
    fn a_decline_is_the_last_one_by_its_code_or_after_too_many_payment_methods() {
        let soft = decline("insufficient_funds");
        assert!(!is_last_decline(&row(PAYMENT_METHODS_MAX - 1), &soft));
        assert!(is_last_decline(&row(PAYMENT_METHODS_MAX), &soft));
        assert!(is_last_decline(&row(0), &decline("stolen_card")));
    }

    #[test]
    fn an_order_waits_after_its_first_decline_if_it_says_so_and_another_card_could_pay() {
        let waits = OnDecline::NewPaymentMethod;
        let state = |row: Payment, code, on_decline| {
            let after = after_first_decline(row, on_decline, decline(code));
            assert_eq!(after.next_action.is_some(), after.state == State::RequiresAction);
            after.state
        };
        assert_eq!(state(row(0), "expired_card", waits), State::RequiresAction);
        assert_eq!(state(row(0), "expired_card", OnDecline::Cancel), State::Declined);
        assert_eq!(state(row(0), "stolen_card", waits), State::Declined);
        let without_intent = Payment { intent: None, ..row(0) };
        assert_eq!(state(without_intent, "expired_card", waits), State::Declined);
    }
}
