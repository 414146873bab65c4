//! Startup preparation: tables, streams and durable consumers. Every worker runs it, so that workers
//! may start in any order; one whose user may not migrate waits for the tables. An edge waits until the
//! streams exist.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use streams::{
    BrokerAccess, Connection, Ensured, Step, Topology, ensure_topology, resume_topology,
};
use workers::database::{Database, DatabaseConfig};
use workers::{known_orders, missed_messages, stages};

use crate::limits::{DATABASE_POLL_INTERVAL, DATABASE_START_TIMEOUT};

/// What happens to a stream that is missing although the database holds orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LostStreams {
    /// It was lost: an error that says what to do.
    Refuse,
    /// It is created, and the orders that were in flight are given up.
    BeginAnew,
}

/// Creates the consumers of the steps that orders pass, and corrects settings that differ. Streams are
/// created in a new cluster only. Returns the connection that it used.
pub async fn cluster(
    access: &BrokerAccess,
    database: &Database,
    topology: &Topology,
    lost_streams: LostStreams,
) -> Result<Connection> {
    let connection = Connection::open(access, "topology").await?;
    let is_new = !known_orders::any(database).await.context("cannot look for orders")?;
    let creates_streams = is_new || lost_streams == LostStreams::BeginAnew;
    let (_, order_steps) = observers_and_others(stages::steps());
    ensure(&connection, topology, &order_steps, creates_streams).await?;
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
    ensure(connection, topology, &observers, false).await
}

fn observers_and_others(steps: Vec<Step>) -> (Vec<Step>, Vec<Step>) {
    steps.into_iter().partition(Step::is_observer)
}

async fn ensure(
    connection: &Connection,
    topology: &Topology,
    steps: &[Step],
    creates_streams: bool,
) -> Result<()> {
    let corrected = if creates_streams {
        ensure_topology(connection, topology, steps).await?
    } else {
        let Ensured { corrected, failed } = resume_topology(connection, topology, steps).await?;
        for err in failed {
            tracing::error!(
                error = format!("{:#}", anyhow::Error::from(err)),
                "a lane is left out"
            );
        }
        corrected
    };
    for difference in corrected {
        tracing::warn!(%difference, "stream or consumer settings corrected");
    }
    Ok(())
}

/// Waits for the database and for the tables of this version, which a user who may create them creates.
pub async fn database(config: &DatabaseConfig) -> Result<Database> {
    let (database, deadline) = reachable(config).await?;
    while !workers::migrate_if_allowed(&database).await? {
        ensure!(Instant::now() < deadline, "the database is not migrated: run `millrace migrate`");
        tokio::time::sleep(DATABASE_POLL_INTERVAL).await;
    }
    Ok(database)
}

/// Waits for the database, applies pending migrations, and grants to each role what it needs.
pub async fn migrated_database(config: &DatabaseConfig) -> Result<Database> {
    let (database, _) = reachable(config).await?;
    workers::migrate(&database).await?;
    Ok(database)
}

/// A database that answers, and the end of the time that it may take to start.
async fn reachable(config: &DatabaseConfig) -> Result<(Database, Instant)> {
    let database = config.open()?;
    let deadline = Instant::now() + DATABASE_START_TIMEOUT;
    while let Err(err) = database.probe().await {
        if Instant::now() > deadline {
            return Err(err).context("the database is unavailable");
        }
        tokio::time::sleep(DATABASE_POLL_INTERVAL).await;
    }
    Ok((database, deadline))
}
