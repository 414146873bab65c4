//! Every state of payment that has been reached, each with all that can happen to it, which is computed
//! once: most states of an order differ in their messages only.

use std::collections::HashMap;
use std::rc::Rc;

use super::decisions::{Decisions, PaymentBounds};
use super::payments::Payments;
use super::run::{Happened, PaymentStep};
use crate::model_check::message::Delivered;

/// The number of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Number(u32);

/// The states, by their numbers. The first one is that of a new order.
pub(crate) struct Table {
    decisions: Decisions,
    bounds: PaymentBounds,
    states: Vec<Payments>,
    numbers: HashMap<Payments, Number>,
    next: HashMap<Number, Rc<[Happened<Number>]>>,
    started: HashMap<(Number, Delivered, bool), Option<Happened<Number>>>,
}

impl Table {
    pub(crate) fn new(decisions: Decisions, bounds: PaymentBounds) -> Self {
        let (start, first) = (Payments::default(), Number::default());
        Self {
            decisions,
            bounds,
            states: vec![start],
            numbers: HashMap::from([(start, first)]),
            next: HashMap::new(),
            started: HashMap::new(),
        }
    }

    pub(crate) fn get(&self, number: Number) -> &Payments {
        &self.states[number.0 as usize]
    }

    /// Whether the payment is not decided yet, as the sweep reads it.
    pub(crate) fn is_undecided(&self, number: Number) -> bool {
        self.get(number).is_undecided(self.decisions.undecided)
    }

    /// All that can happen without a new message.
    pub(crate) fn next(&mut self, number: Number) -> Rc<[Happened<Number>]> {
        if let Some(next) = self.next.get(&number) {
            return next.clone();
        }
        let next = self.decisions.next(self.get(number), &self.bounds);
        let next: Rc<[_]> = next.into_iter().map(|happened| self.numbered(happened)).collect();
        self.next.insert(number, next.clone());
        next
    }

    /// Begins a step. `None` if payment does too much at once.
    pub(crate) fn start(
        &mut self,
        number: Number,
        step: PaymentStep,
        message: Delivered,
        is_late: bool,
    ) -> Option<Happened<Number>> {
        if let Some(started) = self.started.get(&(number, message, is_late)) {
            return *started;
        }
        let payments = self.get(number);
        let started = (payments.runs() < self.bounds.runs)
            .then(|| self.decisions.start(*payments, step, message, is_late));
        let started = started.map(|happened| self.numbered(happened));
        self.started.insert((number, message, is_late), started);
        started
    }

    fn numbered(&mut self, happened: Happened<Payments>) -> Happened<Number> {
        let Happened { what, is_progress, faults, payments, end } = happened;
        let new = Number(self.states.len() as u32);
        let number = *self.numbers.entry(payments).or_insert_with(|| {
            self.states.push(payments);
            new
        });
        Happened { what, is_progress, faults, payments: number, end }
    }
}
