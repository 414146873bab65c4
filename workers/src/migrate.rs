//! Creates and migrates the tables of every stage.

use deadpool_postgres::Object;
use thiserror::Error;

use crate::database::{Database, DatabaseError};
use crate::limits::MIGRATION_LOCK_TIMEOUT;
use crate::stages::STAGES;

mod embedded {
    refinery::embed_migrations!("src/migrations");
}

/// The database could not be migrated.
#[derive(Debug, Error)]
#[error("database migration failed")]
pub struct MigrateError(#[source] Box<dyn std::error::Error + Send + Sync>);

/// Creates or migrates the tables of every stage. Safe to run from any process, repeatedly and
/// concurrently.
pub async fn migrate(database: &Database) -> Result<(), MigrateError> {
    // Advisory lock: keeps concurrent processes from creating the same table twice.
    const LOCK: i64 = 0x4d_49_4c_4c_52_41_43_45;
    let connect_and_lock = async {
        let connection = database.connection().await?;
        // Another process may migrate for longer than the limits of a normal session, and not without an
        // end: a process that is paused while it migrates would hold back every start.
        let limits = format!(
            "SET lock_timeout = '{}s'; SET statement_timeout = 0",
            MIGRATION_LOCK_TIMEOUT.as_secs()
        );
        connection.batch_execute(&limits).await?;
        connection.execute("SELECT pg_advisory_lock($1)", &[&LOCK]).await?;
        Ok::<_, DatabaseError>(connection)
    };
    let mut connection = connect_and_lock.await.map_err(|err| MigrateError(Box::new(err)))?;
    let result = run_all(&mut connection).await;
    // Closes the session, and with it discards its settings and releases the lock.
    drop(Object::take(connection));
    result.map_err(|err| MigrateError(Box::new(err)))
}

async fn run_all(connection: &mut Object) -> Result<(), refinery::Error> {
    let stages = STAGES.iter().map(|stage| (stage.pool().as_str(), stage.migrations()));
    for (schema, mut migrations) in stages.chain([("workers", embedded::migrations::runner())]) {
        migrations.set_migration_table_name(format!("{schema}_migrations"));
        // A newer version may have migrated already. Migrations only expand the schema that the
        // version before works on, so that both run side by side and the newer one can be undone.
        let migrations = migrations.set_abort_missing(false);
        migrations.run_async(&mut ***connection).await?;
    }
    Ok(())
}
