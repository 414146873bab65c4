//! Tests of the whole: real brokers, Redis, PostgreSQL, and the binary itself. They are one program, so
//! that it is linked once and the tests, most of which wait, run side by side.
//!
//! | module | what it tests |
//! |---|---|
//! | `edge` | the crate `edge`, over real HTTP |
//! | `orders` | the crates `streams` and `workers`: an order's whole life, and what may go wrong in it |
//! | `provider` | the crate `payment-simulator`, and the client of `workers` |
//! | `servers` | the servers that the lab starts, and that nothing is left of them |
//! | `durable` | that a 202 is on disk, by the brokers' system calls |
//! | `chaos`, `bench`, `load` | the commands of the lab |
//! | `configuration`, `tidy` | that documents say what the code reads; the form of the code and of the documents |
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bench;
mod chaos;
mod configuration;
mod durable;
mod edge;
mod load;
mod orders;
mod provider;
mod servers;
mod tidy;
