//! Logs: to standard error, at the level that `RUST_LOG` asks for.

use std::io::{self, IsTerminal};

use streams::names::CLIENT_LOG;
use tracing_subscriber::EnvFilter;

/// Writes logs of `level` and above unless `RUST_LOG` says otherwise. Libraries speak up only when
/// something is wrong.
pub fn start(level: &str) {
    let usual = || {
        EnvFilter::new(format!("{level},{CLIENT_LOG}=error,refinery_core=warn,tokio_postgres=warn"))
    };
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_from_default_env().unwrap_or_else(|_| usual()))
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr)
        .init();
}
