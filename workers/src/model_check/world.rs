//! What the search goes through: some orders and the stock that they share.

use std::cell::RefCell;
use std::fmt;

use super::changes::Changes;
use super::invariants;
use super::message::{Delivered, Place};
use super::order::{Bounds, Change, Decisions, Order};
use super::search::{Model, Next};
use crate::payment::model::Table;

/// The model of `N` orders.
pub(super) struct World<const N: usize> {
    decisions: Decisions,
    bounds: Bounds,
    payments: RefCell<Table>,
    /// The only invariant that is checked; `None` for all.
    only: Option<&'static str>,
}

/// A state of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct State<const N: usize> {
    pub(super) on_hand: i8,
    pub(super) faults: u8,
    pub(super) orders: [Order; N],
}

/// What happens to one order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Action {
    order: usize,
    message: Option<Delivered>,
    what: &'static str,
}

impl<const N: usize> World<N> {
    pub(super) fn new(decisions: Decisions, bounds: Bounds) -> Self {
        let payments = RefCell::new(Table::new(decisions.payment, bounds.payment));
        Self { decisions, bounds, payments, only: None }
    }

    /// The same, with one invariant.
    pub(super) fn only(self, invariant: &'static str) -> Self {
        Self { only: Some(invariant), ..self }
    }

    /// The stock that was loaded.
    fn loaded(&self) -> i8 {
        i8::from(!self.bounds.is_sold_out)
    }
}

impl<const N: usize> Model for World<N> {
    type State = State<N>;
    type Action = Action;

    fn start(&self) -> State<N> {
        State { on_hand: self.loaded(), faults: 0, orders: [Order::new(&self.bounds); N] }
    }

    fn next(&self, state: &State<N>, found: &mut Vec<Next<State<N>, Action>>) {
        for (number, order) in state.orders.iter().enumerate() {
            let mut changes = Changes {
                decisions: &self.decisions,
                bounds: &self.bounds,
                payments: &mut self.payments.borrow_mut(),
                on_hand: state.on_hand,
                found: Vec::new(),
            };
            changes.find(order);
            for change in changes.found {
                let Change { message, what, is_progress, faults, order, on_hand } = change;
                let mut next = State { on_hand, ..*state };
                next.orders[number] = order;
                if let Some(faults_max) = self.bounds.faults {
                    next.faults += faults;
                    if next.faults > faults_max {
                        continue;
                    }
                }
                if next == *state {
                    continue;
                }
                let action = Action { order: number, message, what };
                found.push(Next { action, is_progress, state: next });
            }
        }
    }

    fn broken_invariant(&self, state: &State<N>) -> Option<&'static str> {
        let State { on_hand, orders, .. } = state;
        invariants::broken(orders, &self.payments.borrow(), *on_hand, self.loaded(), self.only)
    }

    fn is_end(&self, state: &State<N>) -> bool {
        state.orders.iter().all(|order| invariants::finals(order) == 1)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { order, message, what } = self;
        match message {
            Some(Delivered { message, place: Place::Second }) => {
                write!(f, "  order {}: the copy of {message:?}: {what}", order + 1)
            }
            Some(Delivered { message, .. }) => {
                write!(f, "  order {}: {message:?}: {what}", order + 1)
            }
            None => write!(f, "  order {}: {what}", order + 1),
        }
    }
}
