//! The table of steps: what each pool does and undoes, and the events that ask for it.

use orders::EventKind;
use thiserror::Error;

use crate::names;

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

/// What a pool does, or undoes, for one order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// Holds the stock of all lines of an order, or of none.
    Reserve,
    /// Undoes [`Step::Reserve`].
    Release,
    /// Takes the money.
    Charge,
    /// Undoes [`Step::Charge`].
    Refund,
    /// Books the shipment.
    Ship,
    /// Undoes [`Step::Ship`] before it is done: nothing will be shipped.
    Withdraw,
}

/// A stream and the durable consumer by which a step reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The stream's name.
    pub stream: &'static str,
    /// The durable consumer's name.
    pub durable: String,
    /// What the consumer filters for.
    pub subjects: Vec<String>,
}

/// A name that is no step's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is no step")]
pub struct UnknownStep(String);

/// A name that is no pool's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is no pool; the pools are inventory, payment and fulfilment")]
pub struct UnknownPool(String);

impl Pool {
    /// Every pool, in the order of the way of an order.
    pub const ALL: [Self; 3] = [Self::Inventory, Self::Payment, Self::Fulfilment];

    /// The pool's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inventory => "inventory",
            Self::Payment => "payment",
            Self::Fulfilment => "fulfilment",
        }
    }

    /// What the pool does, and what undoes it.
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

    /// Whose step it is.
    pub const fn pool(self) -> Pool {
        match self {
            Self::Reserve | Self::Release => Pool::Inventory,
            Self::Charge | Self::Refund => Pool::Payment,
            Self::Ship | Self::Withdraw => Pool::Fulfilment,
        }
    }

    /// The events that ask for the step.
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

    /// Where the step's events come from: its own durable, so that a long queue in front never
    /// holds back an undo.
    pub fn events(self) -> Source {
        let [does, _] = self.pool().steps();
        let suffix = if self == does { "" } else { "-undo" };
        Source {
            stream: names::ORDERS,
            durable: format!("{}{suffix}", self.pool()),
            subjects: self.consumes().iter().map(|kind| names::event_subject(*kind)).collect(),
        }
    }

    /// Where records come from that are due for another try.
    pub fn retries(self) -> Source {
        Source {
            stream: names::RETRIES,
            durable: format!("retry-{self}"),
            subjects: vec![names::retry_subject(self)],
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
    fn every_event_is_consumed_by_at_most_one_step() {
        for kind in EventKind::ALL {
            let consumers = Step::ALL.iter().filter(|step| step.consumes().contains(&kind));
            assert!(consumers.count() <= 1, "{kind}");
        }
    }

    #[test]
    fn doing_and_undoing_have_durables_of_their_own() {
        assert_eq!(Step::Reserve.events().durable, "inventory");
        assert_eq!(Step::Release.events().durable, "inventory-undo");
        assert_eq!(Step::Release.events().subjects, ["orders.declined", "orders.refunded"]);
    }
}
