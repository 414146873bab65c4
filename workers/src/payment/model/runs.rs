//! The runs of `charge`, `complete` and `refund` in the model checker. A run pauses at each call and each
//! transaction, so that anything can happen in between: another run, or the end of its process.

use std::time::Duration;

use super::decisions::{Decisions, PaymentBounds};
use super::payments::Payments;
use super::row::{PAYMENT_TIMEOUT, PaymentRow, now};
use super::run::{At, Ended, Happened, PaymentStep, Run};
use crate::model_check::message::{Delivered, Message, Messages};
use crate::payment::charge::{Charge, Failures};
use crate::payment::complete::CallResult;
use crate::payment::decision::ChargeCall;
use crate::payment::payment_row::{Payment, Rows, State};
use crate::step_input::StepOutcome;

impl Decisions {
    /// Begins a step, which may end at once, too.
    pub(super) fn start(
        &self,
        mut payments: Payments,
        step: PaymentStep,
        message: Delivered,
        is_late: bool,
    ) -> Happened<Payments> {
        let is_repeated = payments.runs.iter().flatten().any(|run| run.message == message);
        if step == PaymentStep::Refund && payments.row.is_none() {
            let by = message.writer();
            payments.row = self.tombstone.map(|state| PaymentRow { by, ..PaymentRow::new(state) });
        }
        let row = payments.row;
        let payment = row.map(PaymentRow::payment);
        let at = match (step, &payment, row) {
            (PaymentStep::Charge, payment, row) => self.after_row(payment.as_ref(), row, is_late),
            (PaymentStep::Complete, Some(payment), Some(row)) => {
                let asks = (self.complete_asks)(payment, payment.is_expired(now(is_late)));
                asks.then_some(At::Ask(row))
            }
            (PaymentStep::Refund, Some(payment), Some(row)) => {
                (self.refund_call)(payment).map(|_| At::Undo(row))
            }
            _ => None,
        };
        let run = Run { message, step, is_late, is_fresh: true, at: At::Create };
        let mut happened = match at {
            Some(at) => payments.with(Run { at, ..run }).happened("reads the row"),
            None => self.end(payments, run, row, CallResult::NotMade).called("reads the row"),
        };
        happened.faults = u8::from(is_repeated);
        self.settle(&mut happened.payments);
        happened
    }

    /// What `charge` does after it has read a row or inserted it.
    pub(super) fn after_row(
        &self,
        payment: Option<&Payment>,
        row: Option<PaymentRow>,
        is_late: bool,
    ) -> Option<At> {
        match (self.charge_call)(payment, is_late)? {
            ChargeCall::CreateIntent => Some(At::Create),
            ChargeCall::Confirm => row.filter(|row| row.intent.is_some()).map(At::Confirm),
        }
    }

    /// All that can happen without a new message.
    pub(super) fn next(
        &self,
        payments: &Payments,
        bounds: &PaymentBounds,
    ) -> Vec<Happened<Payments>> {
        let mut found = payments.at_provider(bounds);
        for slot in 0..Payments::RUNS {
            found.extend(self.advance(payments, slot, bounds));
            if let Some(payments) = payments.crash(slot) {
                let ended = payments.happened("a process of payment ends");
                found.push(Happened { is_progress: false, faults: 1, ..ended });
            }
        }
        for happened in &mut found {
            self.settle(&mut happened.payments);
        }
        found
    }

    /// Makes runs equal that differ in what cannot matter any more.
    fn settle(&self, payments: &mut Payments) {
        let row = payments.row;
        for run in payments.runs.iter_mut().flatten() {
            let is_closed = row.is_some_and(|row| !self.undecided.contains(&row.state));
            if matches!(run.at, At::Decide(_)) && (is_closed || !run.is_fresh) {
                run.at = At::LostRace;
            }
            if run.at == At::LostRace || run.step == PaymentStep::Refund {
                run.is_fresh = false;
            }
            if run.step == PaymentStep::Refund {
                run.is_late = false;
            }
        }
        payments.runs.sort_unstable();
    }

    /// Everything that the run in `slot` may do next.
    fn advance(
        &self,
        payments: &Payments,
        slot: usize,
        bounds: &PaymentBounds,
    ) -> Vec<Happened<Payments>> {
        let Some(run) = payments.runs[slot] else { return Vec::new() };
        let mut payments = *payments;
        payments.runs[slot] = None;
        match run.at {
            At::Create => self.create(payments, run, bounds),
            At::Confirm(row) => self.confirm(payments, run, row, bounds),
            At::Ask(row) => self.ask(payments, run, row, bounds),
            At::Close(row) => self.close(payments, run, row),
            At::Undo(row) => self.undo(payments, run, row),
            At::Decide(row) => vec![self.decide(payments, run, row)],
            At::LostRace => {
                let row = payments.row;
                vec![self.end(payments, run, row, CallResult::Succeeded).called("loses a race")]
            }
            At::SaveRefund(state) => {
                if let Some(row) = &mut payments.row
                    && self.may_hold_money.contains(&row.state)
                {
                    (row.state, row.by) = (state, run.message.writer());
                }
                let row = payments.row;
                vec![
                    self.end(payments, run, row, CallResult::Succeeded).called("writes the refund"),
                ]
            }
        }
    }

    /// Writes the provider's decision, if the row is as it was read. The row of now decides.
    fn decide(&self, mut payments: Payments, run: Run, new: PaymentRow) -> Happened<Payments> {
        if let Some(row) = &mut payments.row
            && run.is_fresh
            && self.undecided.contains(&row.state)
        {
            let has_acted = row.has_acted || new.state == State::RequiresAction;
            *row = PaymentRow { has_acted, by: run.message.writer(), ..new };
            payments.runs.iter_mut().flatten().for_each(|run| run.is_fresh = false);
            payments.runs.sort_unstable();
        }
        let row = payments.row;
        self.end(payments, run, row, CallResult::Succeeded).called("writes the decision")
    }

    /// The end of a run, with the row as it knows it.
    pub(super) fn end(
        &self,
        payments: Payments,
        run: Run,
        row: Option<PaymentRow>,
        result: CallResult,
    ) -> Happened<Payments> {
        let input = run.message.input();
        let rows: Rows = row.map(|row| (input.row_id(), row.payment())).into_iter().collect();
        let outcome = match (run.step, rows.get(&input.row_id())) {
            (PaymentStep::Complete, None) => StepOutcome::Completed(Vec::new()),
            (PaymentStep::Complete, Some(row)) => {
                (self.complete_outcome)(input, row, result, Duration::ZERO, now(run.is_late))
            }
            (step, _) => {
                let mut failures = Failures::new();
                if let CallResult::Failed(failure) = result {
                    failures.insert(input.row_id(), failure);
                }
                if step == PaymentStep::Refund {
                    (self.refund_outcome)(input, &rows, &failures)
                } else {
                    let charge = Charge::of(input, now(run.is_late), PAYMENT_TIMEOUT);
                    let charges = charge.map(|charge| (input.row_id(), charge));
                    let charges = charges.into_iter().collect();
                    (self.charge_outcome)(input, &charges, &rows, &failures)
                }
            }
        };
        let row = rows.get(&input.row_id());
        let written = row.and_then(match run.step {
            PaymentStep::Charge => Payment::outcome_written,
            PaymentStep::Complete | PaymentStep::Refund => Payment::end_written,
        });
        let is_copy = written.is_some_and(|written| (self.is_copy)(input, written));
        let (publishes, is_acked) = match outcome {
            StepOutcome::Completed(_) if is_copy => (Messages::default(), true),
            StepOutcome::Completed(events) => {
                (events.iter().map(|event| Message::of(&event.body)).collect(), true)
            }
            StepOutcome::Retry(_)
            | StepOutcome::Postpone(_)
            | StepOutcome::Unsupported(_)
            | StepOutcome::Wait(_) => (Messages::default(), false),
            StepOutcome::DeadLetter(_, error) => panic!("a dead letter: {error}"),
        };
        let end = Some(Ended { message: run.message, publishes, is_acked });
        Happened { end, ..payments.happened("ends") }
    }
}
