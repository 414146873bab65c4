//! The async runtime of a process.

use anyhow::{Context, Result};

/// A single-threaded Tokio runtime.
pub fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot build the Tokio runtime")
}
