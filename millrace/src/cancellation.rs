//! The event by which an operator requests the cancellation of an order. Fulfilment decides, as always.

use std::time::SystemTime;

use orders::{CancelledBy, Event, EventBody, OrderId};

/// An operator requests the cancellation of this order now.
pub(crate) fn cancellation(order_id: OrderId) -> Event {
    let body = EventBody::CancelRequested { by: CancelledBy::Operator };
    Event { order_id, at: SystemTime::now().into(), body, traceparent: None }
}
