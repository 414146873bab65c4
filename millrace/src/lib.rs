//! Millrace in production: the roles that a cluster is made of, and the commands of its operator.
//!
//! - [`Command`]: every role and every command, as the binary `millrace` has them
//! - `edge`, `worker`, [`prepare`]: one process each, and what must exist before it starts
//! - [`audit`]: whether every guarantee is kept
//! - [`status`], `tail`, `stock`, [`dead_letters`]: inspecting and repairing a running cluster
//! - [`addresses`]: where the parts of a running cluster are reached
//! - [`options`]: the command line, with all of its faults reported at once

pub mod addresses;
pub mod audit;
pub mod catalog;
mod command;
pub mod dead_letters;
mod edge;
mod health;
pub mod ledger;
mod migrate;
pub mod options;
pub mod prepare;
pub mod shutdown;
pub mod status;
mod stock;
mod tail;
pub mod telemetry;
mod worker;

pub use command::{Command, finish, runtime};
