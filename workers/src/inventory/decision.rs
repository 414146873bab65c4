//! What inventory decides about an order: pure functions of its row and of what has happened. The
//! model checker runs these.

use std::time::SystemTime;

use orders::{CancelReason, Created, EventBody, PlaceOrder, Rejection};

use super::locked_stock::LockedStock;

/// Inventory's decision about an order.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Decision {
    Reserved,
    Rejected(Rejection),
    Released(CancelReason, SystemTime),
    /// Withdrawn before inventory processed it: a tombstone that prevents the reservation.
    Voided(CancelReason),
}

/// What `reserve` writes for an order, whose stock it takes. `None` if there is a row, which stays.
pub(super) fn reserve(
    row: Option<&Decision>,
    order: &PlaceOrder,
    stock: &mut LockedStock,
) -> Option<Decision> {
    match row {
        None => {
            Some(stock.try_reserve(order).map_or_else(Decision::Rejected, |()| Decision::Reserved))
        }
        Some(_) => None,
    }
}

/// What `reserve` publishes.
pub(super) fn reserve_outcome(row: &Decision, created: &Created) -> EventBody {
    match row {
        // Also for a released order the outcome is `reserved`: `release` publishes its own event.
        Decision::Reserved | Decision::Released(..) => EventBody::Reserved {
            amount: created.order.total,
            payment_token: created.order.payment_token.clone(),
            on_decline: created.order.on_decline,
        },
        Decision::Rejected(reason) => EventBody::Rejected { reason: reason.clone() },
        Decision::Voided(reason) => EventBody::Cancelled { reason: reason.clone() },
    }
}

/// What `release` writes for an order that is cancelled for `reason`. `None` if the row stays.
/// Stock is returned only with a row that becomes [`Decision::Released`].
pub(super) fn release(
    row: Option<&Decision>,
    reason: &CancelReason,
    at: SystemTime,
) -> Option<Decision> {
    match row {
        None => Some(Decision::Voided(reason.clone())),
        Some(Decision::Reserved) => Some(Decision::Released(reason.clone(), at)),
        Some(Decision::Rejected(_) | Decision::Released(..) | Decision::Voided(_)) => None,
    }
}

/// What `release` publishes: nothing for an order that was rejected.
pub(super) fn release_outcome(row: &Decision) -> Option<EventBody> {
    match row {
        Decision::Released(reason, _) | Decision::Voided(reason) => {
            Some(EventBody::Cancelled { reason: reason.clone() })
        }
        Decision::Reserved | Decision::Rejected(_) => None,
    }
}
