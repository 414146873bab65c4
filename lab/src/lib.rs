//! Tools that run, test, break and benchmark a Millrace cluster on one machine. Nothing here runs
//! in production.
//!
//! - [`servers`], [`reaper`]: real servers, found or downloaded, and cleaned up on every exit
//! - [`up`]: a complete local cluster with every role
//! - [`demo`]: a run of sample orders to their terminal states, with an audit
//! - [`chaos`]: orders under fault injection, with an audit
//! - [`mod@bench`]: benchmarks against baselines
//! - [`load`]: a load generator: closed loop, or open loop at a constant rate
//! - [`synchronous`], [`http_baseline`]: the baselines

pub mod bench;
pub mod chaos;
pub mod demo;
pub mod endpoints;
pub mod http_baseline;
pub(crate) mod http_server;
pub mod input;
pub(crate) mod lane_of_new_orders;
pub mod load;
pub(crate) mod nats_contexts;
pub mod order_client;
pub mod percentiles;
pub mod proc_usage;
pub(crate) mod process_group;
pub mod reaper;
pub mod servers;
pub mod synchronous;
pub mod up;
