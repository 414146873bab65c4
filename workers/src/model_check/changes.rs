//! Everything that can happen to an order.

use super::message::{Delivered, Message, Place};
use super::order::{Bounds, Change, Decisions, Order};
use super::steps::{Step, step_of};
use crate::inventory::model::ReservationRow;
use crate::payment::model::{Ended, Happened, Number, PaymentStep, Table};

/// All changes of an order.
pub(super) struct Changes<'a> {
    pub(super) decisions: &'a Decisions,
    pub(super) bounds: &'a Bounds,
    pub(super) payments: &'a mut Table,
    /// The stock before the change.
    pub(super) on_hand: i8,
    pub(super) found: Vec<Change>,
}

impl Changes<'_> {
    /// Finds everything that can happen next to `order`.
    pub(super) fn find(&mut self, order: &Order) {
        for delivered in order.deliverable(self.bounds) {
            self.deliver(order, delivered);
        }
        for happened in &*self.payments.next(order.payments) {
            self.in_payment(order, *happened);
        }
        self.by_itself(order);
        self.by_buyer(order);
    }

    /// Delivers a message to its step.
    fn deliver(&mut self, before: &Order, delivered: Delivered) {
        let (mut order, mut on_hand) = (*before, self.on_hand);
        let Decisions { inventory, fulfilment, .. } = self.decisions;
        let message = delivered.message;
        let published = match step_of(message) {
            Some(Step::Reserve) => Some(inventory.reserve(&mut order.reservation, &mut on_hand)),
            Some(Step::Release) => inventory.release(message, &mut order.reservation, &mut on_hand),
            Some(Step::Ship) => fulfilment.ship(&mut order.shipment, self.bounds.is_unshippable),
            Some(Step::Withdraw) => Some(fulfilment.withdraw(&mut order.shipment)),
            Some(Step::Payment(step)) => return self.start(before, step, delivered),
            None => None,
        };
        let published = published.filter(|_| self.is_answered(before, &mut order, delivered));
        let end = Ended {
            message: delivered,
            publishes: published.into_iter().collect(),
            is_acked: true,
        };
        self.end(end, order.change("is processed", on_hand));
    }

    /// Writes into the rows which message has changed them. Returns whether it is answered.
    fn is_answered(&self, before: &Order, order: &mut Order, delivered: Delivered) -> bool {
        let mut is_answered = true;
        let reservation = (before.reservation != order.reservation, &mut order.reservation_by);
        let shipment = (before.shipment != order.shipment, &mut order.shipment_by);
        let is_inventory =
            matches!(step_of(delivered.message), Some(Step::Reserve | Step::Release));
        let (is_changed, writer) = if is_inventory { reservation } else { shipment };
        if is_changed {
            *writer = delivered.writer();
        } else if let Some(writer) = writer {
            is_answered = !(self.decisions.is_copy)(delivered.input(), &writer.written());
            if self.decisions.takes_over && delivered.place != Place::Only {
                *writer = delivered;
            }
        }
        is_answered
    }

    /// Begins a step of payment, unless payment does too much at once.
    fn start(&mut self, order: &Order, step: PaymentStep, message: Delivered) {
        let started = self.payments.start(order.payments, step, message, order.is_late);
        if let Some(started) = started {
            let before = self.found.len();
            self.in_payment(order, started);
            self.found[before..].iter_mut().for_each(|change| change.message = Some(message));
        }
    }

    /// Applies what has happened in payment.
    fn in_payment(&mut self, order: &Order, happened: Happened<Number>) {
        let Happened { what, is_progress, faults, payments, end } = happened;
        let order = Order { payments, ..*order };
        let change = Change { is_progress, faults, ..order.change(what, self.on_hand) };
        match end {
            Some(end) => self.end(end, change),
            None => self.found.push(change),
        }
    }

    /// The end of a step: everything is published and the message acked, or the process ends before
    /// that.
    fn end(&mut self, end: Ended, change: Change) {
        let Ended { message, publishes, is_acked } = end;
        let change = Change { message: Some(message), ..change };
        if !is_acked {
            self.found.push(change);
            return;
        }
        let mut order = change.order;
        order.publish(publishes, self.bounds.copied);
        if self.bounds.faults.is_none() {
            // That a process ends before it publishes is the same as that its messages are late.
            self.found.push(Change { order, ..change });
            return;
        }
        order.ack(message);
        self.found.push(Change { order, ..change });
        for part in publishes.subsets() {
            let mut order = change.order;
            order.publish(part, self.bounds.copied);
            let lost = Change { order, ..change }.fault();
            self.found.push(Change { what: "is processed, and not acked", ..lost });
        }
    }

    /// What happens without a message: time passes, and the sweep asks.
    fn by_itself(&mut self, order: &Order) {
        if order.reservation != Some(ReservationRow::Reserved) {
            return;
        }
        if !order.is_late {
            let late = Order { is_late: true, ..*order };
            self.found.push(late.change("the reservation expires", self.on_hand));
        } else if !order.is_swept && self.bounds.faults.is_some() {
            let mut swept = Order { is_swept: true, ..*order };
            if order.shipment.is_none() && self.payments.is_undecided(order.payments) {
                let request = [Message::CancelRequested].into_iter().collect();
                swept.publish(request, self.bounds.copied);
            }
            self.found.push(swept.change("the sweep passes", self.on_hand));
        }
    }

    /// What the buyer and the webhook publish, each once.
    fn by_buyer(&mut self, before: &Order) {
        let has_acted = self.payments.get(before.payments).has_acted();
        for message in self.bounds.buyer.iter().copied() {
            let may_come = has_acted || message == Message::CancelRequested;
            if may_come && !before.published.contains(message) {
                let mut order = *before;
                order.publish([message].into_iter().collect(), self.bounds.copied);
                let change = order.change("is published", self.on_hand);
                let message = Some(Delivered { message, place: Place::Only });
                self.found.push(Change { message, is_progress: false, ..change });
            }
        }
    }
}
