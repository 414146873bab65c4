//! Startup preparation: streams, durable consumers and tables. Every role runs it, so that roles
//! may start in any order.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use streams::{Connection, Topology, ensure_topology};
use workers::database::Database;

/// How long to wait for a database that is still starting.
const DATABASE_TIMEOUT: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Creates missing streams and consumers, and corrects settings that have drifted. Returns the
/// connection that it used.
pub async fn brokers(nats_url: &str, topology: &Topology) -> Result<Connection> {
    let connection = Connection::open(nats_url, "topology").await?;
    let drifts = ensure_topology(&connection, topology).await?;
    for drift in drifts {
        tracing::warn!(
            drift.name,
            drift.found,
            drift.expected,
            "stream or consumer settings corrected"
        );
    }
    Ok(connection)
}

/// Waits for the database and applies pending migrations.
pub async fn database(url: &str) -> Result<Database> {
    let database = Database::open(url)?;
    let deadline = Instant::now() + DATABASE_TIMEOUT;
    while let Err(err) = database.probe().await {
        if Instant::now() > deadline {
            return Err(err).context("the database is unavailable");
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    workers::migrate(&database).await?;
    Ok(database)
}
