//! What must be there before a role begins: streams, durables and tables. Every role makes sure, so
//! that they may start in any order.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use streams::{Connection, Topology, ensure_topology};
use workers::database::Database;

/// How long a database may take that starts at the same time.
const DATABASE_PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Creates streams and durables, or sets them right. Gives the connection that it took.
pub async fn brokers(nats_url: &str, topology: &Topology) -> Result<Connection> {
    let connection = Connection::open(nats_url, "topology").await?;
    let drifts = ensure_topology(&connection, topology).await?;
    for drift in drifts {
        tracing::warn!(drift.name, drift.found, drift.wanted, "set right at the broker");
    }
    Ok(connection)
}

/// Creates tables, or brings them up to date.
pub async fn database(url: &str) -> Result<Database> {
    let database = Database::open(url)?;
    let deadline = Instant::now() + DATABASE_PATIENCE;
    while let Err(err) = database.probe().await {
        if Instant::now() > deadline {
            return Err(err).context("the database is not there");
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    workers::migrate(&database).await?;
    Ok(database)
}
