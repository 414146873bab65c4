//! What a run does when it has called the provider.

use std::time::Duration;

use super::decisions::{Decisions, PaymentBounds};
use super::payments::Payments;
use super::provider::{HARD, Intent, hard_decline, soft_decline};
use super::row::PaymentRow;
use super::run::{At, Happened, Run};
use crate::payment::complete::CallResult;
use crate::payment::decision::{AfterAnswer, RefundCall};
use crate::payment::declines::payment_missing;
use crate::payment::intent_progress::Submission;
use crate::payment::payment_row::State;
use crate::payment::provider::Decline;
use crate::step_input::StepOutcome;

impl Decisions {
    pub(super) fn create(
        &self,
        payments: Payments,
        run: Run,
        bounds: &PaymentBounds,
    ) -> Vec<Happened<Payments>> {
        if !bounds.has_card {
            return self.create_without_payment(payments, run, bounds);
        }
        let mut found = Vec::new();
        let free = payments.intents[..bounds.intents].iter().position(Option::is_none);
        let known = payments.intents[0].map(|_| 0);
        for number in free.into_iter().chain(known) {
            let mut payments = payments;
            payments.intents[number].get_or_insert(Intent::Unconfirmed);
            found.push(self.lost(payments, run, None));
            let intent = Some(number as u8);
            let new = PaymentRow { intent, ..PaymentRow::new(State::Pending) };
            found.push(self.insert(payments, run, new, "inserts the row of a new intent"));
        }
        if bounds.cards.contains(&Intent::Declined) {
            found.extend(self.create_without_card(payments, run, &soft_decline(), bounds));
        }
        if bounds.cards.contains(&Intent::DeclinedForGood) {
            found.extend(self.create_without_card(payments, run, &hard_decline(), bounds));
        }
        found
    }

    /// An order without a card is declined without a call. An earlier version creates its intent.
    fn create_without_payment(
        &self,
        mut payments: Payments,
        run: Run,
        bounds: &PaymentBounds,
    ) -> Vec<Happened<Payments>> {
        let row = PaymentRow::new(State::Pending);
        let declined =
            (self.after_first_decline)(row.payment(), bounds.on_decline, payment_missing());
        let declined = PaymentRow::of(&declined);
        let declined = self.insert(payments, run, declined, "inserts the row of a decline");
        payments.intents[0].get_or_insert(Intent::WithoutCard);
        let row = PaymentRow { intent: Some(0), ..row };
        vec![
            declined,
            self.insert(payments, run, row, "inserts the row of an intent without a card"),
        ]
    }

    /// What follows when the provider refuses the card before there is an intent.
    fn create_without_card(
        &self,
        mut payments: Payments,
        run: Run,
        decline: &Decline,
        bounds: &PaymentBounds,
    ) -> Vec<Happened<Payments>> {
        let after = |intent| {
            let row = PaymentRow { intent, ..PaymentRow::new(State::Pending) };
            let after =
                (self.after_first_decline)(row.payment(), bounds.on_decline, decline.clone());
            let has_acted = after.state == State::RequiresAction;
            PaymentRow { has_acted, ..PaymentRow::of(&after) }
        };
        if !(self.needs_open_intent)(bounds.on_decline, decline) {
            return vec![self.insert(payments, run, after(None), "inserts the row of a decline")];
        }
        let number = Payments::WITHOUT_CARD;
        payments.intents[number].get_or_insert(Intent::WithoutCard);
        let new = after(Some(number as u8));
        let inserted =
            self.insert(payments, run, new, "inserts the row of an intent without a card");
        vec![self.lost(payments, run, None), inserted]
    }

    /// Inserts a row, unless there is one.
    fn insert(
        &self,
        mut payments: Payments,
        run: Run,
        new: PaymentRow,
        what: &'static str,
    ) -> Happened<Payments> {
        let new = PaymentRow { by: run.message.writer(), ..new };
        let row = *payments.row.get_or_insert(new);
        match self.after_row(Some(&row.payment()), Some(row), run.is_late) {
            Some(at) => payments.with(Run { at, is_fresh: true, ..run }).happened(what),
            None => self.end(payments, run, Some(row), CallResult::NotMade).called(what),
        }
    }

    pub(super) fn confirm(
        &self,
        payments: Payments,
        run: Run,
        row: PaymentRow,
        bounds: &PaymentBounds,
    ) -> Vec<Happened<Payments>> {
        let answers = payments.answers(row, 0, bounds);
        let answered = |(payments, answer): (Payments, Option<Intent>)| {
            let Some(answer) = answer else { return self.lost(payments, run, Some(row)) };
            let what = answer.name();
            let confirmation = answer.confirmation();
            match (self.after_confirm)(
                &row.payment(),
                bounds.on_decline,
                confirmation,
                Duration::ZERO,
            ) {
                Ok(new) => payments.with(run.decides(&new)).happened(what),
                Err(failure) => {
                    self.end(payments, run, Some(row), CallResult::Failed(failure)).called(what)
                }
            }
        };
        answers.into_iter().map(answered).collect()
    }

    pub(super) fn ask(
        &self,
        payments: Payments,
        run: Run,
        row: PaymentRow,
        bounds: &PaymentBounds,
    ) -> Vec<Happened<Payments>> {
        let payment = row.payment();
        let submission = Submission::of(run.message.input(), &payment);
        let answers = match &submission {
            Some(_) => payments.answers(row, 1, bounds),
            None => vec![(payments, row.intent.and_then(|it| payments.intents[usize::from(it)]))],
        };
        let answered = |(payments, answer): (Payments, Option<Intent>)| {
            let Some(answer) = answer else { return self.lost(payments, run, Some(row)) };
            let (payment, what) = (payment.clone().with(submission.as_ref()), answer.name());
            match (self.after_answer)(payment, submission.is_some(), answer.confirmation()) {
                AfterAnswer::Write(new) => payments.with(run.decides(&new)).happened(what),
                AfterAnswer::Close(new, _) => {
                    payments.with(Run { at: At::Close(PaymentRow::of(&new)), ..run }).happened(what)
                }
                AfterAnswer::Keep => {
                    self.end(payments, run, Some(row), CallResult::Succeeded).called(what)
                }
            }
        };
        answers.into_iter().map(answered).collect()
    }

    pub(super) fn close(
        &self,
        payments: Payments,
        run: Run,
        row: PaymentRow,
    ) -> Vec<Happened<Payments>> {
        let (payments, intent) = payments.change(row, Intent::cancelled);
        let code = HARD.to_owned();
        let closed = (self.after_close)(row.payment(), code, intent.status());
        let closed = payments.with(run.decides(&closed)).happened("closes the intent");
        vec![closed, self.lost(payments, run, Some(row))]
    }

    /// Cancels the intent, or refunds it.
    pub(super) fn undo(
        &self,
        payments: Payments,
        run: Run,
        row: PaymentRow,
    ) -> Vec<Happened<Payments>> {
        let failed = |payments: Payments, failure, what| {
            let row = payments.row;
            self.end(payments, run, row, CallResult::Failed(failure)).called(what)
        };
        let saves = |state| Run { at: At::SaveRefund(state), ..run };
        let mut found = Vec::new();
        if (self.refund_call)(&row.payment()) == Some(RefundCall::Cancel) {
            let (payments, intent) = payments.change(row, Intent::cancelled);
            found.push(self.lost(payments, run, payments.row));
            match (self.after_cancel)(intent.status(), Duration::ZERO) {
                Ok(None) => {}
                Ok(Some(state)) => {
                    found.push(payments.with(saves(state)).happened("cancels the intent"));
                    return found;
                }
                Err(failure) => {
                    found.push(failed(payments, failure, "does not cancel the intent"));
                    return found;
                }
            }
        }
        let number = usize::from(row.intent.unwrap_or_default());
        let Some(before) = payments.intents[number] else { return found };
        for intent in before.refunded() {
            let (payments, _) = payments.change(row, |_| intent);
            found.push(self.lost(payments, run, payments.row));
            found.push(match (self.after_refund)(intent.refund_status(), Duration::ZERO) {
                Ok(state) => payments.with(saves(state)).happened("refunds the money"),
                Err(failure) => failed(payments, failure, "begins to refund the money"),
            });
        }
        found
    }

    /// The end of a run whose call had an effect, and no answer.
    fn lost(&self, payments: Payments, run: Run, row: Option<PaymentRow>) -> Happened<Payments> {
        let failure = CallResult::Failed(StepOutcome::Retry("no answer".to_owned()));
        let end = self.end(payments, run, row, failure).called("gets no answer");
        Happened { is_progress: false, ..end }
    }
}
