//! Worker pools: one consumer loop, and the stages of the order lifecycle.
//!
//! | stage | step | undo step | tables |
//! |---|---|---|---|
//! | [`inventory`] | reserve | release | `inventory.reservations`, `inventory.stock` |
//! | [`payment`] | charge | refund | `payment.payments` |
//! | [`fulfilment`] | ship | withdraw | `fulfilment.shipments` |
//! | `analytics` | count (only observes) | – | `analytics.sales` |
//!
//! A stage is one constant (`stage`), and [`stages`] is the table of all of them. Each step is
//! idempotent per order: its effect and a row that records it commit in one transaction. A
//! redelivery finds the row and republishes the same outcome. Inventory's sweep only requests the
//! cancellation of orders that are not paid in time, as a buyer does. Only the loop in `consumer`
//! fetches, publishes and acks; a stage never sees a message.

pub mod advisory_lock;
mod analytics;
mod autoscale;
mod backoff;
mod config;
mod consumer;
mod copies;
pub mod database;
pub mod database_roles;
mod drain;
mod error_chain;
mod expiry_clock;
#[cfg(feature = "failpoints")]
mod failpoints;
pub mod fulfilment;
mod heartbeat;
pub mod inventory;
mod janitor;
pub mod known_orders;
mod lag_reports;
pub mod last_event;
mod leader_keeper;
mod limits;
mod migrate;
pub mod missed_messages;
#[cfg(test)]
mod model_check;
mod observer;
mod order_rows;
pub mod order_view;
mod paused_consumers;
pub mod payment;
mod payment_timeout;
mod poison_isolation;
mod pool_access;
mod pool_load;
mod privilege;
mod process;
mod proof;
mod publish_outcomes;
mod queries;
mod rebuild;
mod running_stage;
mod stage;
pub mod stages;
pub mod status_counts;
pub mod step_input;
mod topology_keeper;
mod work_counts;
mod worker;

pub use config::{Config, WorkerConfig};
pub use janitor::{PurgeError, purge_processed};
pub use limits::{PAYMENT_TIMEOUT, SET_RECORDS, SHUTDOWN_MAX};
pub use migrate::{MigrateError, migrate, migrate_if_allowed};
pub use observer::{
    AuditScope, Discrepancy, ObserverAudit, ObserverReport, ReportText, WriteReport,
};
pub use pool_access::PoolAccess;
pub use proof::is_disbelieved;
pub use worker::{WorkerError, run};
