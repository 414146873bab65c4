//! Millrace on one machine: what tries it, breaks it and measures it. Nothing here runs in production.
//!
//! - [`servers`], [`reaper`]: real servers, found or downloaded, and nothing left behind
//! - [`up`]: a whole cluster of them, with every role
//! - [`demo`]: real orders carried to their end
//! - [`chaos`]: the same while servers are killed and paused
//! - [`mod@bench`]: what it can do, measured beside what it is compared with
//! - [`load`]: orders posted as fast as they are taken, or at a constant rate
//! - [`synchronous`], [`http_baseline`]: what Millrace is compared with

pub mod bench;
pub mod chaos;
pub mod demo;
pub mod endpoints;
pub mod http_baseline;
pub(crate) mod http_server;
pub mod input;
pub mod load;
pub mod order_client;
pub mod percentiles;
pub mod proc_usage;
pub mod reaper;
pub mod servers;
pub mod synchronous;
pub mod up;
