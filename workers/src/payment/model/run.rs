//! A step in progress, and what happens in payment.

use super::row::PaymentRow;
use crate::model_check::message::{Delivered, Messages};
use crate::payment::payment_row::{Payment, State};

/// A step of payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum PaymentStep {
    Charge,
    Complete,
    Refund,
}

/// A step that is in progress for one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Run {
    pub(super) message: Delivered,
    pub(super) step: PaymentStep,
    /// Whether the reservation had expired when the run began.
    pub(super) is_late: bool,
    /// Whether the row still has the version that was read.
    pub(super) is_fresh: bool,
    pub(super) at: At,
}

/// What a run does next, with the row as it has read it or will write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum At {
    Create,
    Confirm(PaymentRow),
    Ask(PaymentRow),
    Close(PaymentRow),
    Undo(PaymentRow),
    Decide(PaymentRow),
    /// Finds that the row is not as it was read, or is decided.
    LostRace,
    SaveRefund(State),
}

/// Something that has happened in payment.
#[derive(Clone, Copy)]
pub(crate) struct Happened<P> {
    pub(crate) what: &'static str,
    /// Whether it needs neither a fault nor the buyer.
    pub(crate) is_progress: bool,
    /// Messages that came again, and processes that ended.
    pub(crate) faults: u8,
    /// The state after it.
    pub(crate) payments: P,
    /// What the run publishes, if this is its end.
    pub(crate) end: Option<Ended>,
}

/// The end of a run.
#[derive(Clone, Copy)]
pub(crate) struct Ended {
    pub(crate) message: Delivered,
    pub(crate) publishes: Messages,
    /// Whether the message is acked; else it comes again.
    pub(crate) is_acked: bool,
}

impl Run {
    pub(super) fn decides(self, new: &Payment) -> Self {
        Self { at: At::Decide(PaymentRow::of(new)), ..self }
    }
}

impl<P> Happened<P> {
    pub(super) fn called(self, what: &'static str) -> Self {
        Self { what, ..self }
    }
}
