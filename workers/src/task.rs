//! What a step is given, and what it says about it.

use std::time::SystemTime;

use orders::{Event, OrderId, Timestamp};
use streams::Trail;
use thiserror::Error;
use uuid::Uuid;

/// One event that asks a step to do something for one order.
#[derive(Debug, Clone)]
pub struct Task {
    /// The event.
    pub event: Event,
    /// Where it comes from, and how often this step has failed because of it.
    pub trail: Trail,
}

/// What a step says about one task.
#[derive(Debug)]
pub enum Verdict {
    /// The step is done, now or before, and this is what came of it. A refusal by the business is
    /// such an outcome, never an error.
    Done(Vec<Event>),
    /// This record failed; it may succeed later.
    Later(String),
    /// This record was not tried, since what it needs is away; later. No try is counted.
    NotNow(String),
    /// This record will never succeed.
    Never(String),
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

impl Task {
    /// Whose order it is.
    pub const fn order_id(&self) -> OrderId {
        self.event.order_id
    }

    /// The order's id as the database keeps it.
    pub fn row_id(&self) -> Uuid {
        row_id(self.event.order_id)
    }
}

impl Verdict {
    /// Done, with one outcome.
    pub fn outcome(event: Event) -> Self {
        Self::Done(vec![event])
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
