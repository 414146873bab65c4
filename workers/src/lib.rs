//! The hands: one pull loop, and the stages of the way of an order.
//!
//! | stage | does | undoes | its rows |
//! |---|---|---|---|
//! | [`inventory`] | reserve | release | `inventory.reservations`, `inventory.stock` |
//! | [`payment`] | charge | refund | `payment.payments` |
//! | [`fulfilment`] | ship | withdraw | `fulfilment.shipments` |
//!
//! A step is keyed by the order and its row is the proof: effect and row commit together, and a
//! repeat finds the row and tells the same outcome again. Inventory's sweep only asks, as a buyer
//! does, for orders that are not paid in time. The loop in `run` alone fetches,
//! publishes and settles; a stage never sees a message.

mod alone;
mod answers;
mod config;
mod crash;
pub mod database;
pub mod fulfilment;
pub mod inventory;
mod janitor;
mod mutants;
pub mod payment;
mod run;
mod settle;
mod stages;
pub mod status_counts;
pub mod task;
pub mod view;
mod work;
mod worker;

pub use config::{Config, PaymentTimeout, WorkerConfig};
pub use run::SET_RECORDS;
pub use worker::{END_MAX, WorkerError, migrate, run};
