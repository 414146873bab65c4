//! Fulfilment in the model checker: its row in a form that is small to store, and one function for each
//! step, which does what the step's statement does. The stage's own functions decide what it reports.

use orders::{CancelReason, CancelledBy, EventBody};

use super::decision::{self, ShipmentDecision};
use crate::model_check::message::Message;

/// The row of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum ShipmentRow {
    Shipped,
    /// Withdrawn on request.
    Withdrawn,
    /// Withdrawn because it cannot be shipped.
    Unshippable,
}

/// The functions that decide. A mutant replaces one.
#[derive(Clone, Copy)]
pub(crate) struct Decisions {
    pub(super) ship_outcome: fn(&ShipmentDecision) -> Option<EventBody>,
    pub(super) withdraw_outcome: fn(&ShipmentDecision) -> EventBody,
}

/// Those of the product.
pub(crate) const DECISIONS: Decisions = Decisions {
    ship_outcome: decision::ship_outcome,
    withdraw_outcome: decision::withdraw_outcome,
};

/// The mutant whose `ship` ships although a withdrawal is stored.
pub(crate) const SHIPS_WITHDRAWN: Decisions = Decisions {
    ship_outcome: |row| match row {
        ShipmentDecision::Withdrawn(CancelReason::Requested { .. }) => {
            Some(EventBody::Fulfilled { shipment: String::new() })
        }
        ShipmentDecision::Withdrawn(_) | ShipmentDecision::Shipped(_) => {
            decision::ship_outcome(row)
        }
    },
    ..DECISIONS
};

/// The mutant whose `ship` does not publish that an order is unshippable.
pub(crate) const UNSHIPPABLE_IS_NOT_REPORTED: Decisions = Decisions {
    ship_outcome: |row| match row {
        ShipmentDecision::Withdrawn(_) => None,
        ShipmentDecision::Shipped(_) => decision::ship_outcome(row),
    },
    ..DECISIONS
};

impl Decisions {
    /// Ships an order, or withdraws it if it is unshippable. Returns what it publishes.
    pub(crate) fn ship(
        &self,
        row: &mut Option<ShipmentRow>,
        is_unshippable: bool,
    ) -> Option<Message> {
        let new = if is_unshippable { ShipmentRow::Unshippable } else { ShipmentRow::Shipped };
        let row = row.get_or_insert(new).decision();
        (self.ship_outcome)(&row).as_ref().map(Message::of)
    }

    /// Withdraws an order. Returns what it publishes.
    pub(crate) fn withdraw(&self, row: &mut Option<ShipmentRow>) -> Message {
        let row = row.get_or_insert(ShipmentRow::Withdrawn).decision();
        Message::of(&(self.withdraw_outcome)(&row))
    }
}

impl ShipmentRow {
    fn decision(self) -> ShipmentDecision {
        let withdrawn = ShipmentDecision::Withdrawn;
        match self {
            Self::Shipped => ShipmentDecision::Shipped("shp_1".to_owned()),
            Self::Withdrawn => withdrawn(CancelReason::Requested { by: CancelledBy::Buyer }),
            Self::Unshippable => withdrawn(CancelReason::Unshippable { skus: Vec::new() }),
        }
    }
}
