//! Millrace on one machine: the servers, the roles and the commands of the binary `millrace`.
//!
//! - [`servers`], [`reaper`]: real servers, found or got, and nothing left behind
//! - [`roles`]: one process each: an edge, a worker, the provider
//! - [`up`]: a whole cluster of them
//! - [`demo`]: real orders carried to their end
//! - [`audit`]: whether every promise is kept
//! - [`chaos`]: the same while servers are killed and paused
//! - [`mod@bench`]: what it can do, measured beside what it is compared with
//! - [`load`]: orders posted as fast as they are taken, or at a constant rate
//! - [`status`], [`tail`], [`stock`]: looking at a running cluster, and moving its stock
//! - [`dead`]: deciding about dead letters
//! - [`synchronous`]: what Millrace replaces, to be measured beside it
//! - [`provider`]: a payment provider that takes no real money

pub mod audit;
pub mod bench;
pub mod chaos;
pub mod customers;
pub mod dead;
pub mod demo;
pub mod duration;
pub mod endpoints;
pub mod input;
pub mod interrupt;
pub mod ledger;
pub mod load;
pub mod provider;
pub mod reaper;
pub mod report;
pub mod roles;
pub mod servers;
pub mod status;
pub mod stock;
pub mod synchronous;
pub mod tail;
pub mod telemetry;
pub mod up;
pub mod usage;
