//! Logging to standard error, filtered by `RUST_LOG`.

use std::io::{self, IsTerminal};

use streams::subjects::CLIENT_LOG;
use tracing_subscriber::EnvFilter;

/// Starts logging at `level` unless `RUST_LOG` is set. Libraries log only warnings or errors.
pub fn start(level: &str) {
    let default = || {
        EnvFilter::new(format!("{level},{CLIENT_LOG}=error,refinery_core=warn,tokio_postgres=warn"))
    };
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_from_default_env().unwrap_or_else(|_| default()))
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr)
        .init();
}
