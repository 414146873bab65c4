//! Whole-system tests: real brokers, Redis, PostgreSQL, and the binary itself. They are one
//! program, so that it is linked once and the tests, most of which wait, run in parallel.
//!
//! | module | what it tests |
//! |---|---|
//! | `edge` | the crate `edge`, over real HTTP |
//! | `orders` | the crates `streams` and `workers`: the lifecycle of an order, and its failures |
//! | `provider` | the crate `payment-simulator`, and the client of `workers` |
//! | `store_roles` | that each role of PostgreSQL and Redis may do its work, and nothing else |
//! | `servers` | the servers that the lab starts, and that they leave nothing behind |
//! | `durable` | that a 202 is on disk, by the brokers' system calls |
//! | `commands`, `pool_command`, `status_watch` | commands of the product that no other test runs |
//! | `chaos`, `bench`, `load` | the commands of the lab |
//! | `contract` | that what edges answer in other tests is in the document of the API |
//! | `configuration`, `tidy` | that documents match the code; the form of the code and of the documents |
//!
//! `test_servers` starts the servers for `edge`, `servers` and `durable`; `raw_nats` is a client without
//! the product's rules, `program` runs the product's commands, `time_limit` ends a test that hangs.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bench;
mod chaos;
mod commands;
mod configuration;
mod contract;
mod durable;
mod edge;
mod load;
mod orders;
mod pool_command;
mod program;
mod provider;
mod raw_nats;
mod roles;
mod run_folders;
mod servers;
mod status_watch;
mod store_roles;
mod test_servers;
mod tidy;
mod time_limit;
