//! One order in the model, and what is tried with it.

use super::message::{Delivered, Message, Messages, Place};
use super::steps::step_of;
use crate::fulfilment::model::ShipmentRow;
use crate::inventory::model::ReservationRow;
use crate::payment::model::{IsCopy, Number, PaymentBounds};
use crate::{fulfilment, inventory, payment};

/// All that is known about an order, wherever it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Order {
    pub(super) in_flight: Messages,
    /// The second copies in flight.
    pub(super) copies: Messages,
    /// Every message that there ever was.
    pub(super) published: Messages,
    pub(super) reservation: Option<ReservationRow>,
    pub(super) payments: Number,
    pub(super) shipment: Option<ShipmentRow>,
    /// By which messages the rows were written.
    pub(super) reservation_by: Option<Delivered>,
    pub(super) shipment_by: Option<Delivered>,
    /// Whether the reservation has expired.
    pub(super) is_late: bool,
    /// Whether the sweep has passed it.
    pub(super) is_swept: bool,
}

/// The functions that decide.
#[derive(Clone, Copy)]
pub(super) struct Decisions {
    pub(super) inventory: inventory::model::Decisions,
    pub(super) payment: payment::model::Decisions,
    pub(super) fulfilment: fulfilment::model::Decisions,
    pub(super) is_copy: IsCopy,
    /// Whether a message takes over a row that is as it would have written it.
    pub(super) takes_over: bool,
}

/// What is tried.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// How often a message comes again or a process ends unexpectedly. `None`: any number of times,
    /// and no message is ever acked.
    pub(super) faults: Option<u8>,
    pub(super) payment: PaymentBounds,
    /// The messages that are stored twice.
    pub(super) copied: &'static [Message],
    /// What the buyer and the provider's webhook publish, each once.
    pub(super) buyer: &'static [Message],
    pub(super) is_unshippable: bool,
    pub(super) is_sold_out: bool,
}

/// A change of one order and of the stock.
#[derive(Clone, Copy)]
pub(super) struct Change {
    pub(super) message: Option<Delivered>,
    pub(super) what: &'static str,
    pub(super) is_progress: bool,
    /// Faults that are used up.
    pub(super) faults: u8,
    pub(super) order: Order,
    pub(super) on_hand: i8,
}

impl Decisions {
    pub(super) const fn of_product() -> Self {
        Self {
            inventory: inventory::model::DECISIONS,
            payment: payment::model::DECISIONS,
            fulfilment: fulfilment::model::DECISIONS,
            is_copy: payment::model::DECISIONS.is_copy,
            takes_over: false,
        }
    }

    /// Those with another rule of what a copy is.
    pub(super) const fn with_copies(is_copy: IsCopy) -> Self {
        let product = Self::of_product();
        Self { payment: payment::model::with_copies(is_copy), is_copy, ..product }
    }
}

impl Order {
    /// An order that an edge has just accepted.
    pub(super) fn new(bounds: &Bounds) -> Self {
        let mut created: Messages = [Message::Created].into_iter().collect();
        if bounds.faults.is_none() {
            // Nothing is acked, so that a message may come whenever it is published.
            created.extend(bounds.buyer.iter().copied().collect());
        }
        let copies = created.iter().filter(|message| bounds.copied.contains(message)).collect();
        Self {
            in_flight: created,
            copies,
            published: created,
            reservation: None,
            payments: Number::default(),
            shipment: None,
            reservation_by: None,
            shipment_by: None,
            is_late: false,
            is_swept: false,
        }
    }

    /// What can be delivered.
    pub(super) fn deliverable(&self, bounds: &Bounds) -> Vec<Delivered> {
        let first = self.in_flight.iter().map(|message| {
            let is_copied = bounds.copied.contains(&message);
            Delivered { message, place: if is_copied { Place::First } else { Place::Only } }
        });
        let second = self.copies.iter();
        let second = second.map(|message| Delivered { message, place: Place::Second });
        first.chain(second).collect()
    }

    /// Acks a message.
    pub(super) fn ack(&mut self, Delivered { message, place }: Delivered) {
        match place {
            Place::Only | Place::First => self.in_flight.remove(message),
            Place::Second => self.copies.remove(message),
        }
    }

    pub(super) fn publish(&mut self, messages: Messages, copied: &[Message]) {
        // Nothing follows from it.
        let is_kept = |message: &Message| *message != Message::CancelRefused;
        self.published.extend(messages.iter().filter(is_kept).collect());
        let in_flight: Messages = messages.iter().filter(|it| step_of(*it).is_some()).collect();
        self.in_flight.extend(in_flight);
        self.copies.extend(in_flight.iter().filter(|it| copied.contains(it)).collect());
    }

    pub(super) const fn change(self, what: &'static str, on_hand: i8) -> Change {
        Change { message: None, what, is_progress: true, faults: 0, order: self, on_hand }
    }
}

impl Change {
    pub(super) const fn fault(self) -> Self {
        Self { faults: self.faults + 1, is_progress: false, ..self }
    }
}
