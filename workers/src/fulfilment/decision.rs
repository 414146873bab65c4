//! What fulfilment reports about an order: pure functions of its row. The first row that is written
//! for an order is its decision, permanently.

use orders::{CancelReason, EventBody};

#[derive(Debug)]
pub(super) enum ShipmentDecision {
    /// Shipped, with the shipment's number.
    Shipped(String),
    Withdrawn(CancelReason),
}

/// What `ship` publishes.
pub(super) fn ship_outcome(row: &ShipmentDecision) -> Option<EventBody> {
    match row {
        ShipmentDecision::Shipped(shipment) => {
            Some(EventBody::Fulfilled { shipment: shipment.clone() })
        }
        ShipmentDecision::Withdrawn(reason @ CancelReason::Unshippable { .. }) => {
            Some(EventBody::Withdrawn { reason: reason.clone() })
        }
        // Withdrawn on request; `withdraw` published that event.
        ShipmentDecision::Withdrawn(_) => None,
    }
}

/// What `withdraw` publishes.
pub(super) fn withdraw_outcome(row: &ShipmentDecision) -> EventBody {
    match row {
        ShipmentDecision::Shipped(_) => EventBody::CancelRefused,
        ShipmentDecision::Withdrawn(reason) => EventBody::Withdrawn { reason: reason.clone() },
    }
}
