//! The event that an order waits with, or by which it has ended, rebuilt from its rows: for an order whose last
//! event is gone from the streams. A reservation that is not charged cannot be rebuilt: the payment token is in
//! its event only.

use orders::{Event, EventBody, OrderId};

use crate::database::Database;
use crate::step_input::StepError;
use crate::{fulfilment, inventory, payment};

/// The event that `order` waits with, or by which it has ended; `None` if its rows do not hold it.
pub async fn last_event(database: &Database, order: OrderId) -> Result<Option<Event>, StepError> {
    let ended = inventory::ended_event(database, order).await?;
    if ended.is_some() {
        return Ok(ended);
    }
    match fulfilment::decided_event(database, order).await? {
        Some(withdrawn @ Event { body: EventBody::Withdrawn { .. }, .. }) => {
            let refunded = payment::refunded_event(database, withdrawn.clone()).await?;
            Ok(Some(refunded.unwrap_or(withdrawn)))
        }
        Some(fulfilled) => Ok(Some(fulfilled)),
        None => payment::decided_event(database, order).await,
    }
}
