//! Mutants of payment: each has one decision replaced.

use std::time::SystemTime;

use orders::{Money, NextAction};

use super::decisions::{DECISIONS, Decisions};
use crate::payment::decision::{self, AfterAnswer};
use crate::payment::payment_row::{Payment, Rows, State};
use crate::payment::provider::{Confirmation, Decline, RefundStatus, Status};
use crate::payment::refund;

/// Its `refund` leaves no tombstone for an order that payment has not processed.
pub(crate) const REFUND_WITHOUT_TOMBSTONE: Decisions = Decisions {
    tombstone: None,
    refund_outcome: |input, rows, failures| {
        let (id, amount) = (input.row_id(), Money { amount: 1, currency: "EUR".parse().unwrap() });
        let voided = Payment {
            state: State::Voided,
            refunded_at: Some(SystemTime::UNIX_EPOCH),
            ..Payment::pending(id, amount, SystemTime::UNIX_EPOCH)
        };
        let row = rows.get(&id).cloned().unwrap_or(voided);
        refund::outcome(input, &Rows::from([(id, row)]), failures)
    },
    ..DECISIONS
};

/// Its `charge` takes a payment that is being processed for a declined one.
pub(crate) const PROCESSING_IS_DECLINED: Decisions = Decisions {
    after_confirm: |row, on_decline, confirmation, waited| match confirmation {
        Confirmation::Unexpected { status: Status::Processing } => {
            Ok(row.clone().declined("processing".to_owned()))
        }
        confirmation => decision::after_confirm(row, on_decline, confirmation, waited),
    },
    ..DECISIONS
};

/// Its `charge` waits for another card without an intent that could be confirmed with it.
pub(crate) const WAITS_WITHOUT_INTENT: Decisions = Decisions {
    needs_open_intent: |_, _| false,
    after_first_decline: |row, _, Decline { code, .. }| {
        row.requires(NextAction::NewPaymentMethod { decline_code: code })
    },
    ..DECISIONS
};

/// It writes the provider's decision over a row that is decided.
pub(crate) const DECIDES_TWICE: Decisions = Decisions {
    undecided: &[
        State::Pending,
        State::RequiresAction,
        State::Paid,
        State::Declined,
        State::Refunded,
        State::Voided,
    ],
    ..DECISIONS
};

/// Its `refund` leaves a row as it is that was paid in the meantime.
pub(crate) const REFUND_LEAVES_PAID: Decisions =
    Decisions { may_hold_money: &State::UNDECIDED, ..DECISIONS };

/// Its `refund` says that no money is held while the provider still returns it.
pub(crate) const REFUND_DOES_NOT_WAIT: Decisions = Decisions {
    after_refund: |status, waited| match status {
        RefundStatus::Pending => Ok(State::Refunded),
        status => decision::after_refund(status, waited),
    },
    ..DECISIONS
};

/// Its `complete` declines a payment that its buyer can still complete.
pub(crate) const CLOSES_WITHOUT_CANCEL: Decisions = Decisions {
    after_answer: |row, has_submission, confirmation| match decision::after_answer(
        row,
        has_submission,
        confirmation,
    ) {
        AfterAnswer::Close(row, code) => AfterAnswer::Write(row.declined(code)),
        other => other,
    },
    ..DECISIONS
};
