//! Restores a backup into the servers of a new cluster, before it has streams and tables.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use millrace::addresses::KEYS;
use tokio::process::Command;

use crate::nats_contexts;
use crate::servers::Servers;

/// Runs `program` to its end. It gets the addresses of the servers as variables, that of the database for the
/// owner of its tables, and the contexts of the nats CLI in the current folder.
pub(super) async fn run(program: &Path, servers: &Servers) -> Result<()> {
    let (brokers, keys) = (servers.brokers.url(), servers.brokers.keys().path());
    nats_contexts::write(Path::new("."), &brokers, keys)?;
    let mut command = Command::new(program);
    command
        .env("NATS_URL", &brokers)
        .env(KEYS, keys)
        .env("DATABASE_URL", servers.postgres.url())
        .kill_on_drop(true);
    let status = command.status().await;
    let status = status.with_context(|| format!("running {}", program.display()))?;
    ensure!(status.success(), "{} has restored nothing: {status}", program.display());
    Ok(())
}
