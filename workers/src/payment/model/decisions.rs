//! The functions that decide in the model, and what is tried with them.

use std::time::{Duration, SystemTime};

use orders::OnDecline;

use super::provider::Intent;
use crate::copies::{self, Written};
use crate::payment::charge::{self, Charges, Failures};
use crate::payment::complete::{self, CallResult};
use crate::payment::decision::{self, AfterAnswer, ChargeCall, RefundCall};
use crate::payment::declines;
use crate::payment::payment_row::{Payment, Rows, State};
use crate::payment::provider::{Confirmation, Decline, RefundStatus, Status};
use crate::payment::refund;
use crate::step_input::{StepInput, StepOutcome};

/// What is tried in payment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PaymentBounds {
    /// What the provider may answer to a confirm.
    pub(crate) cards: &'static [Intent],
    /// What becomes of the order if its card is declined.
    pub(crate) on_decline: OnDecline,
    /// Whether the order has a card.
    pub(crate) has_card: bool,
    /// Whether a confirm may have its effect long after payment has given it up.
    pub(crate) may_be_late: bool,
    /// How many messages of one order are processed at once.
    pub(crate) runs: usize,
    /// How many intents the provider creates for one order: two, if it forgets the keys of calls.
    pub(crate) intents: usize,
}

/// The functions that decide. A mutant replaces one.
#[derive(Clone, Copy)]
pub(crate) struct Decisions {
    pub(super) charge_call: fn(Option<&Payment>, bool) -> Option<ChargeCall>,
    pub(super) needs_open_intent: fn(OnDecline, &Decline) -> bool,
    pub(super) after_first_decline: fn(Payment, OnDecline, Decline) -> Payment,
    pub(super) after_confirm:
        fn(&Payment, OnDecline, Confirmation, Duration) -> Result<Payment, StepOutcome>,
    pub(super) charge_outcome: fn(&StepInput, &Charges<'_>, &Rows, &Failures) -> StepOutcome,
    pub(super) complete_asks: fn(&Payment, bool) -> bool,
    pub(super) after_answer: fn(Payment, bool, Confirmation) -> AfterAnswer,
    pub(super) after_close: fn(Payment, String, Status) -> Payment,
    pub(super) complete_outcome:
        fn(&StepInput, &Payment, CallResult, Duration, SystemTime) -> StepOutcome,
    pub(super) tombstone: Option<State>,
    pub(super) refund_call: fn(&Payment) -> Option<RefundCall>,
    pub(super) after_cancel: fn(Status, Duration) -> Result<Option<State>, StepOutcome>,
    pub(super) after_refund: fn(RefundStatus, Duration) -> Result<State, StepOutcome>,
    pub(super) refund_outcome: fn(&StepInput, &Rows, &Failures) -> StepOutcome,
    pub(super) undecided: &'static [State],
    pub(super) may_hold_money: &'static [State],
    pub(crate) is_copy: IsCopy,
}

/// Whether another message answers for this one, by the row that it has written.
pub(crate) type IsCopy = fn(&StepInput, &Written) -> bool;

/// Those of the product, with another rule of what a copy is.
pub(crate) const fn with_copies(is_copy: IsCopy) -> Decisions {
    Decisions { is_copy, ..DECISIONS }
}

/// Those of the product.
pub(crate) const DECISIONS: Decisions = Decisions {
    charge_call: decision::charge_call,
    needs_open_intent: declines::needs_open_intent,
    after_first_decline: declines::after_first_decline,
    after_confirm: decision::after_confirm,
    charge_outcome: charge::outcome,
    complete_asks: decision::complete_asks,
    after_answer: decision::after_answer,
    after_close: decision::after_close,
    complete_outcome: complete::outcome,
    tombstone: Some(decision::TOMBSTONE),
    refund_call: decision::refund_call,
    after_cancel: decision::after_cancel,
    after_refund: decision::after_refund,
    refund_outcome: refund::outcome,
    undecided: &State::UNDECIDED,
    may_hold_money: &State::MAY_HOLD_MONEY,
    is_copy: copies::is_copy,
};
