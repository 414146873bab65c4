//! Startup preparation: streams, durable consumers and tables. Every role runs it, so that roles
//! may start in any order.

use std::time::Instant;

use anyhow::{Context, Result};
use streams::{Connection, Step, Topology, ensure_topology};
use workers::database::Database;
use workers::{missed_messages, stages};

use crate::limits::{DATABASE_POLL_INTERVAL, DATABASE_START_TIMEOUT};

/// Creates missing streams and the consumers of the steps that orders pass, and corrects settings
/// that have drifted. Returns the connection that it used.
pub async fn brokers(nats_url: &str, topology: &Topology) -> Result<Connection> {
    let connection = Connection::open(nats_url, "topology").await?;
    let (_, order_steps) = observers_and_others(stages::steps());
    ensure(&connection, topology, &order_steps).await?;
    Ok(connection)
}

/// Creates the consumers of those of `steps` that only observe. They exist only if a worker of
/// their pool was ever started, since a consumer without workers holds messages back.
pub async fn observers(
    connection: &Connection,
    topology: &Topology,
    database: &Database,
    steps: Vec<Step>,
) -> Result<()> {
    let (observers, _) = observers_and_others(steps);
    missed_messages::record_for_new_observers(connection, database, &observers).await?;
    ensure(connection, topology, &observers).await
}

fn observers_and_others(steps: Vec<Step>) -> (Vec<Step>, Vec<Step>) {
    steps.into_iter().partition(Step::is_observer)
}

async fn ensure(connection: &Connection, topology: &Topology, steps: &[Step]) -> Result<()> {
    for drift in ensure_topology(connection, topology, steps).await? {
        tracing::warn!(
            drift.name,
            drift.found,
            drift.expected,
            "stream or consumer settings corrected"
        );
    }
    Ok(())
}

/// Waits for the database and applies pending migrations.
pub async fn database(url: &str) -> Result<Database> {
    let database = Database::open(url)?;
    let deadline = Instant::now() + DATABASE_START_TIMEOUT;
    while let Err(err) = database.probe().await {
        if Instant::now() > deadline {
            return Err(err).context("the database is unavailable");
        }
        tokio::time::sleep(DATABASE_POLL_INTERVAL).await;
    }
    workers::migrate(&database).await?;
    Ok(database)
}
