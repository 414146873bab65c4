//! One process of a cluster: what `millrace edge`, `millrace worker POOL` and `millrace provider`
//! run. Containers, operators and `millrace up` start them all alike.

pub mod bare;
pub(crate) mod door;
pub mod edge;
pub(crate) mod prepare;
pub mod provider;
pub mod worker;

use anyhow::{Context, Result};

/// A runtime on the calling thread.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().context("no runtime")
}
