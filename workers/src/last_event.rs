//! The event that an order waits with, rebuilt from its rows: for an order whose last event is gone from the
//! streams. A reservation that is not charged cannot be rebuilt: the payment token is in its event only.

use orders::{Event, EventBody, OrderId};

use crate::database::Database;
use crate::step_input::StepError;
use crate::{fulfilment, payment};

/// The event that `order` waits with; `None` if its rows do not hold it, or if it waits with none.
pub async fn last_event(database: &Database, order: OrderId) -> Result<Option<Event>, StepError> {
    match fulfilment::decided_event(database, order).await? {
        Some(withdrawn @ Event { body: EventBody::Withdrawn { .. }, .. }) => {
            let refunded = payment::refunded_event(database, withdrawn.clone()).await?;
            Ok(Some(refunded.unwrap_or(withdrawn)))
        }
        Some(_) => Ok(None),
        None => payment::decided_event(database, order).await,
    }
}
