//! Worker pools: one consumer loop, and the stages of the order lifecycle.
//!
//! | stage | step | undo step | tables |
//! |---|---|---|---|
//! | [`inventory`] | reserve | release | `inventory.reservations`, `inventory.stock` |
//! | [`payment`] | charge | refund | `payment.payments` |
//! | [`fulfilment`] | ship | withdraw | `fulfilment.shipments` |
//!
//! Each step is idempotent per order: its effect and a row that records it commit in one
//! transaction. A redelivery finds the row and republishes the same outcome. Inventory's sweep only
//! requests the cancellation of orders that are not paid in time, as a buyer does. Only the loop in
//! `consumer` fetches, publishes and acks; a stage never sees a message.

mod config;
mod consumer;
pub mod database;
mod failpoints;
pub mod fulfilment;
pub mod inventory;
mod janitor;
pub mod order_view;
pub mod payment;
mod poison_guard;
mod process;
mod publish_outcomes;
mod queries;
mod sabotage;
mod stages;
pub mod status_counts;
pub mod step_input;
mod worker;

pub use config::{Config, PaymentTimeout, WorkerConfig};
pub use consumer::SET_RECORDS;
pub use worker::{SHUTDOWN_MAX, WorkerError, migrate, run};
