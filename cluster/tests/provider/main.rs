//! The payment provider and its client, over real sockets.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod charges;
mod client;
mod faults;
mod keys;
mod running;
