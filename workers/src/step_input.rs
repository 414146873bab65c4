//! The input and the outcome of a step.

use std::time::{Duration, SystemTime};

use orders::{Event, OrderId};
use streams::DeliveryHistory;
use streams::dead_letter::Reason;
use thiserror::Error;
use uuid::Uuid;

/// One event that requests a step for one order.
#[derive(Debug, Clone)]
pub struct StepInput {
    /// The event.
    pub event: Event,
    /// The event's origin, and how often this step has failed because of it.
    pub history: DeliveryHistory,
}

/// The outcome of a step for one input.
#[derive(Debug, Clone)]
pub enum StepOutcome {
    /// The step is completed, now or earlier, and resulted in these events. A business refusal is
    /// such an outcome, never an error.
    Completed(Vec<Event>),
    /// This record failed with this error and may succeed later.
    Retry(String),
    /// This record was not attempted, with this error, since a dependency is unavailable. It is
    /// attempted later, and no attempt is counted.
    Postpone(String),
    /// This version does not know what the record says, or a row of its order, with this error. A newer
    /// one may process it.
    Unsupported(String),
    /// What the step waits for has not happened yet. It is asked again after this time, and no
    /// attempt is counted.
    Wait(Duration),
    /// This record becomes a dead letter, with this error.
    DeadLetter(Reason, String),
}

/// Why a step has no outcome for a whole set of inputs.
#[derive(Debug, Error)]
pub enum StepError {
    /// A dependency is unavailable. No record is at fault, so no attempt is counted.
    #[error("{dependency} is down")]
    DependencyUnavailable {
        /// The dependency's name.
        dependency: &'static str,
        /// The error of the call to the dependency.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// This version does not know what a row of at least one order says: a newer one wrote it.
    #[error("a row is not known to this version")]
    Unsupported(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The data of at least one input is invalid.
    #[error("a record cannot be processed")]
    BadData(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl StepInput {
    /// The order that the step is requested for.
    pub const fn order_id(&self) -> OrderId {
        self.event.order_id
    }

    /// The order's id as the database stores it.
    pub fn row_id(&self) -> Uuid {
        row_id(self.event.order_id)
    }
}

impl StepOutcome {
    /// Completed with one event.
    pub fn outcome(event: Event) -> Self {
        Self::Completed(vec![event])
    }

    /// The step can never process this record, because of this error.
    pub fn reject(error: impl Into<String>) -> Self {
        Self::DeadLetter(Reason::Poison, error.into())
    }
}

/// An order's id as the database stores it.
pub fn row_id(id: OrderId) -> Uuid {
    Uuid::from_bytes(*id.as_bytes())
}

/// The order id that the database stores as `row_id`.
pub fn order_id(row_id: Uuid) -> OrderId {
    OrderId::from_bytes(*row_id.as_bytes())
}

/// The current time in the precision of rows and events: milliseconds. No deadline is decided by it:
/// that takes the time of the database.
pub fn now() -> SystemTime {
    streams::own_time().into()
}
