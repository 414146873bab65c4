//! All that payment and the provider know about an order.

use super::decisions::PaymentBounds;
use super::provider::Intent;
use super::row::PaymentRow;
use super::run::{Happened, Run};
use crate::model_check::message::Message;
use crate::payment::payment_row::State;

/// The most intents that the provider creates for one order.
const INTENTS: usize = 2;

/// The confirms of an order: that by `charge`, and that with another card.
const CONFIRMS: usize = 2;

/// All that payment and the provider know about an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Payments {
    pub(super) row: Option<PaymentRow>,
    pub(super) intents: [Option<Intent>; INTENTS],
    /// The provider's first answers to the confirms. It repeats them under the same key.
    answers: [Option<Intent>; CONFIRMS],
    /// The confirms that payment has given up, and whose effect is still to come.
    late: [bool; CONFIRMS],
    pub(super) runs: [Option<Run>; Self::RUNS],
}

impl Payments {
    /// The number of the intent that is created without a card, under a key of its own.
    pub(super) const WITHOUT_CARD: usize = INTENTS - 1;
    /// The most messages of one order that payment processes at once.
    pub(super) const RUNS: usize = 2;

    /// Whether the payment is not decided yet, as the sweep reads it.
    pub(super) fn is_undecided(&self, undecided: &[State]) -> bool {
        self.row.is_none_or(|row| undecided.contains(&row.state))
    }

    /// Whether the row says what money is held.
    pub(crate) fn is_recorded(&self) -> bool {
        let is_paid = self.row.is_some_and(|row| row.state == State::Paid);
        is_paid == self.holds_money()
    }

    /// What the row records, and the messages whose steps publish it.
    pub(crate) fn recorded_outcome(&self) -> Option<(Message, &'static [Message])> {
        let causes =
            &[Message::Reserved, Message::RequiresAction, Message::NewCard, Message::Webhook];
        match self.row?.state {
            State::Pending => None,
            State::RequiresAction => Some((Message::RequiresAction, causes)),
            State::Paid => Some((Message::Paid, causes)),
            State::Declined => Some((Message::Declined, causes)),
            State::Refunded | State::Voided => Some((Message::Refunded, &[Message::Withdrawn])),
        }
    }

    /// How many messages are being processed.
    pub(crate) fn runs(&self) -> usize {
        self.runs.iter().flatten().count()
    }

    /// Whether the buyer had to act.
    pub(crate) fn has_acted(&self) -> bool {
        self.row.is_some_and(|row| row.has_acted)
    }

    /// How often the buyer was charged.
    pub(crate) fn charges(&self) -> usize {
        self.intents.iter().flatten().filter(|intent| intent.was_captured()).count()
    }

    /// Whether the provider holds money.
    pub(crate) fn holds_money(&self) -> bool {
        self.intents.iter().flatten().any(|intent| intent.holds_money())
    }

    pub(super) const fn happened(self, what: &'static str) -> Happened<Payments> {
        Happened { what, is_progress: true, faults: 0, payments: self, end: None }
    }

    pub(super) fn with(mut self, run: Run) -> Self {
        if let Some(slot) = self.runs.iter_mut().find(|slot| slot.is_none()) {
            *slot = Some(run);
        }
        self.runs.sort_unstable();
        self
    }

    /// Without the run in `slot`, whose process has ended.
    pub(super) fn crash(mut self, slot: usize) -> Option<Self> {
        self.runs[slot].take()?;
        self.runs.sort_unstable();
        Some(self)
    }

    /// Changes the intent of `row`.
    pub(super) fn change(
        mut self,
        row: PaymentRow,
        change: impl Fn(Intent) -> Intent,
    ) -> (Self, Intent) {
        let intent = &mut self.intents[usize::from(row.intent.unwrap_or_default())];
        let changed = change(intent.unwrap_or(Intent::Canceled));
        *intent = Some(changed);
        (self, changed)
    }

    /// The answers to a confirm: each new one, also lost, also before its effect, and the stored one.
    pub(super) fn answers(
        self,
        row: PaymentRow,
        key: usize,
        bounds: &PaymentBounds,
    ) -> Vec<(Self, Option<Intent>)> {
        let number = usize::from(row.intent.unwrap_or_default());
        let Some(intent) = self.intents[number] else { return Vec::new() };
        let mut answers: Vec<_> =
            self.answers[key].map(|stored| (self, Some(stored))).into_iter().collect();
        if bounds.may_be_late {
            let mut payments = self;
            payments.late[key] = true;
            answers.push((payments, None));
        }
        for after in confirmed(intent, key, bounds) {
            let (mut payments, answer) = self.change(row, |_| after);
            payments.answers[key].get_or_insert(answer);
            answers.push((payments, Some(answer)));
            if payments != self {
                answers.push((payments, None));
            }
        }
        answers
    }

    /// What can happen to the intents by themselves, by late confirms, and by the buyer.
    pub(super) fn at_provider(&self, bounds: &PaymentBounds) -> Vec<Happened<Payments>> {
        let has_acted = self.has_acted();
        let mut found = self.late_effects(bounds);
        for (number, intent) in self.intents.iter().enumerate() {
            let Some(intent) = intent else { continue };
            let by_buyer: &[Intent] = if has_acted { intent.by_buyer() } else { &[] };
            for (after, is_progress) in intent
                .by_itself()
                .iter()
                .map(|after| (after, true))
                .chain(by_buyer.iter().map(|after| (after, false)))
            {
                let mut payments = *self;
                payments.intents[number] = Some(*after);
                found.push(Happened { is_progress, ..payments.happened(after.name()) });
            }
        }
        found
    }

    /// The effects of late confirms. None of them is needed for an order to end.
    fn late_effects(&self, bounds: &PaymentBounds) -> Vec<Happened<Payments>> {
        let Some(row) = self.row.filter(|row| row.intent.is_some()) else { return Vec::new() };
        let mut found = Vec::new();
        for key in (0..CONFIRMS).filter(|key| self.late[*key]) {
            let mut executed = *self;
            executed.late[key] = false;
            let (_, intent) = executed.change(row, |intent| intent);
            for after in confirmed(intent, key, bounds) {
                let (mut payments, _) = executed.change(row, |_| after);
                payments.answers[key].get_or_insert(after);
                let happened = payments.happened("a late confirm has its effect");
                found.push(Happened { is_progress: false, ..happened });
            }
        }
        found
    }
}

/// The intent after one of the confirms.
fn confirmed(intent: Intent, key: usize, bounds: &PaymentBounds) -> Vec<Intent> {
    if key == 0 { intent.confirmed(bounds.cards) } else { intent.confirmed_with_card(bounds.cards) }
}
