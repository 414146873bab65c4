//! Gates: whether an order that arrives now may be accepted.

mod admission;
mod durability;

pub(crate) use admission::AdmissionGate;
pub(crate) use durability::DurabilityGate;
