//! The table of steps: what each pool does and undoes, and the events that trigger it.

use orders::EventKind;
use thiserror::Error;

use crate::subjects;

/// The workers of one stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pool {
    /// Reserves stock and releases it.
    Inventory,
    /// Charges and refunds.
    Payment,
    /// Ships or withdraws.
    Fulfilment,
}

/// One unit of work on one order: an action of a pool, or its undo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// Reserves the stock of all lines of an order, or of none.
    Reserve,
    /// Undoes [`Step::Reserve`].
    Release,
    /// Captures the payment.
    Charge,
    /// Undoes [`Step::Charge`].
    Refund,
    /// Creates the shipment.
    Ship,
    /// Prevents [`Step::Ship`]: the order will not be shipped.
    Withdraw,
}

/// A stream, and the durable consumer through which a step reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The stream's name.
    pub stream: &'static str,
    /// The durable consumer's name.
    pub durable: String,
    /// The subjects that the consumer filters on.
    pub subjects: Vec<String>,
}

/// Not the name of a step.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unknown step `{0}`; expected one of reserve, release, charge, refund, ship, withdraw")]
pub struct UnknownStep(String);

/// Not the name of a pool.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unknown pool `{0}`; expected one of inventory, payment, fulfilment")]
pub struct UnknownPool(String);

impl Pool {
    /// Every pool, in the sequence in which an order passes through them.
    pub const ALL: [Self; 3] = [Self::Inventory, Self::Payment, Self::Fulfilment];

    /// The pool's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inventory => "inventory",
            Self::Payment => "payment",
            Self::Fulfilment => "fulfilment",
        }
    }

    /// The pool's step, and the step that undoes it.
    pub const fn steps(self) -> [Step; 2] {
        match self {
            Self::Inventory => [Step::Reserve, Step::Release],
            Self::Payment => [Step::Charge, Step::Refund],
            Self::Fulfilment => [Step::Ship, Step::Withdraw],
        }
    }
}

impl Step {
    /// Every step.
    pub const ALL: [Self; 6] =
        [Self::Reserve, Self::Release, Self::Charge, Self::Refund, Self::Ship, Self::Withdraw];

    /// The step's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reserve => "reserve",
            Self::Release => "release",
            Self::Charge => "charge",
            Self::Refund => "refund",
            Self::Ship => "ship",
            Self::Withdraw => "withdraw",
        }
    }

    /// The pool that runs the step.
    pub const fn pool(self) -> Pool {
        match self {
            Self::Reserve | Self::Release => Pool::Inventory,
            Self::Charge | Self::Refund => Pool::Payment,
            Self::Ship | Self::Withdraw => Pool::Fulfilment,
        }
    }

    /// The kinds of events that trigger the step.
    pub const fn consumes(self) -> &'static [EventKind] {
        match self {
            Self::Reserve => &[EventKind::Created],
            Self::Release => &[EventKind::Declined, EventKind::Refunded],
            Self::Charge => &[EventKind::Reserved],
            Self::Refund => &[EventKind::Withdrawn],
            Self::Ship => &[EventKind::Paid],
            Self::Withdraw => &[EventKind::CancelRequested],
        }
    }

    /// The source of the step's events. Each step has its own durable, so that a long queue of new
    /// work never delays an undo.
    pub fn events(self) -> Source {
        let [forward, _] = self.pool().steps();
        let suffix = if self == forward { "" } else { "-undo" };
        Source {
            stream: subjects::ORDERS,
            durable: format!("{}{suffix}", self.pool()),
            subjects: self.consumes().iter().map(|kind| subjects::event_subject(*kind)).collect(),
        }
    }

    /// The source of the step's records that are due for a retry.
    pub fn retries(self) -> Source {
        Source {
            stream: subjects::RETRIES,
            durable: format!("retry-{self}"),
            subjects: vec![subjects::retry_subject(self)],
        }
    }
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::fmt::Display for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Pool {
    type Err = UnknownPool;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|pool| pool.as_str() == name);
        found.ok_or_else(|| UnknownPool(name.to_owned()))
    }
}

impl std::str::FromStr for Step {
    type Err = UnknownStep;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|step| step.as_str() == name);
        found.ok_or_else(|| UnknownStep(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_kind_is_consumed_by_at_most_one_step() {
        for kind in EventKind::ALL {
            let consumers = Step::ALL.iter().filter(|step| step.consumes().contains(&kind));
            assert!(consumers.count() <= 1, "{kind}");
        }
    }

    #[test]
    fn a_step_and_its_undo_have_separate_durables() {
        assert_eq!(Step::Reserve.events().durable, "inventory");
        assert_eq!(Step::Release.events().durable, "inventory-undo");
        assert_eq!(Step::Release.events().subjects, ["orders.declined", "orders.refunded"]);
    }
}
