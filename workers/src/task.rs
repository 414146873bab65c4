//! What a step is given, and what it says about it.

use std::time::SystemTime;

use orders::{Event, OrderId, Timestamp};
use streams::DeliveryHistory;
use thiserror::Error;
use uuid::Uuid;

/// One event that asks a step to do something for one order.
#[derive(Debug, Clone)]
pub struct StepInput {
    /// The event.
    pub event: Event,
    /// Where it comes from, and how often this step has failed because of it.
    pub history: DeliveryHistory,
}

/// What a step says about one task.
#[derive(Debug)]
pub enum StepOutcome {
    /// The step is done, now or before, and this is what came of it. A refusal by the business is
    /// such an outcome, never an error.
    Completed(Vec<Event>),
    /// This record failed; it may succeed later.
    Retry(String),
    /// This record was not tried, since what it needs is away; later. No try is counted.
    Postpone(String),
    /// This record will never succeed.
    Reject(String),
}

/// Why a step could say nothing about a whole set of tasks.
#[derive(Debug, Error)]
pub enum StepError {
    /// A dependency is away. Nobody's fault: no try is counted.
    #[error("{dependency} is down")]
    Down {
        /// Which one.
        dependency: &'static str,
        /// What it said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The data of some task is at fault.
    #[error("a record cannot be processed")]
    Data(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl StepInput {
    /// Whose order it is.
    pub const fn order_id(&self) -> OrderId {
        self.event.order_id
    }

    /// The order's id as the database keeps it.
    pub fn row_id(&self) -> Uuid {
        row_id(self.event.order_id)
    }
}

impl StepOutcome {
    /// Done, with one outcome.
    pub fn outcome(event: Event) -> Self {
        Self::Completed(vec![event])
    }
}

/// An order's id as the database keeps it.
pub fn row_id(id: OrderId) -> Uuid {
    Uuid::from_bytes(*id.as_bytes())
}

/// The order id that the database keeps as `row_id`.
pub fn order_id(row_id: Uuid) -> OrderId {
    OrderId::from_bytes(*row_id.as_bytes())
}

/// Now, as precisely as rows and events keep time.
pub fn now() -> SystemTime {
    Timestamp::from(SystemTime::now()).into()
}
