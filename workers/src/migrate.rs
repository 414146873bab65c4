//! Creates and migrates the tables of every stage, and grants to each role what it needs.

use deadpool_postgres::Object;
use refinery::Runner;
use thiserror::Error;
use tokio_postgres::error::SqlState;

use crate::database::{Database, DatabaseError};
use crate::database_roles::{create_and_grant, migrations_table, schemas};
use crate::limits::MIGRATION_LOCK_TIMEOUT;
use crate::stages::STAGES;

mod embedded {
    refinery::embed_migrations!("src/migrations");
}

/// The database could not be migrated.
#[derive(Debug, Error)]
#[error("database migration failed")]
pub struct MigrateError(#[source] Box<dyn std::error::Error + Send + Sync>);

/// Creates or migrates the tables of every stage, the roles and what they may do. Safe to run from any process of
/// the tables' owner, repeatedly and concurrently.
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
    let mut connection = connect_and_lock.await.map_err(MigrateError::new)?;
    let result = run_all(&mut connection).await;
    // Closes the session, and with it discards its settings and releases the lock.
    drop(Object::take(connection));
    result
}

/// Ensures that the tables are those of this version. A user who may create schemas migrates, as in a database with
/// one user for all. For another one: whether `millrace migrate` has migrated already.
pub async fn migrate_if_allowed(database: &Database) -> Result<bool, MigrateError> {
    let connection = database.connection().await.map_err(MigrateError::new)?;
    if is_migrated(&connection).await.map_err(MigrateError::new)? {
        return Ok(true);
    }
    let select = "SELECT has_database_privilege(current_database(), 'CREATE')";
    let row = connection.query_one(select, &[]).await.map_err(MigrateError::new)?;
    if !row.try_get(0).map_err(MigrateError::new)? {
        return Ok(false);
    }
    drop(connection);
    migrate(database).await?;
    Ok(true)
}

impl MigrateError {
    fn new(source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self(Box::new(source))
    }
}

/// The migrations of every schema.
fn migrations() -> impl Iterator<Item = (&'static str, Runner)> {
    let stages = STAGES.iter().map(|stage| stage.migrations());
    schemas().zip(stages.chain([embedded::migrations::runner()]))
}

async fn run_all(connection: &mut Object) -> Result<(), MigrateError> {
    for (schema, mut migrations) in migrations() {
        migrations.set_migration_table_name(migrations_table(schema));
        // A newer version may have migrated already. Migrations only expand the schema that the
        // version before works on, so that both run side by side and the newer one can be undone.
        let migrations = migrations.set_abort_missing(false);
        migrations.run_async(&mut ***connection).await.map_err(MigrateError::new)?;
    }
    create_and_grant(connection).await.map_err(MigrateError::new)
}

/// Whether every migration of this version is applied.
async fn is_migrated(connection: &Object) -> Result<bool, tokio_postgres::Error> {
    for (schema, runner) in migrations() {
        let needed = runner.get_migrations().iter().map(|it| i64::from(it.version())).max();
        let select = format!("SELECT max(version)::bigint FROM {}", migrations_table(schema));
        let applied: Option<i64> = match connection.query_one(&select, &[]).await {
            Ok(row) => row.try_get(0)?,
            // Neither the table nor the privilege to read it is there before the first migration.
            Err(err) if is_missing(&err) => None,
            Err(err) => return Err(err),
        };
        if applied < needed {
            return Ok(false);
        }
    }
    Ok(true)
}

fn is_missing(err: &tokio_postgres::Error) -> bool {
    let codes = [&SqlState::UNDEFINED_TABLE, &SqlState::INSUFFICIENT_PRIVILEGE];
    err.code().is_some_and(|code| codes.contains(&code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_versions_of_each_schema_have_no_gap() {
        // A version below one that is applied already would never be applied.
        for (schema, runner) in migrations() {
            let mut versions: Vec<_> =
                runner.get_migrations().iter().map(|it| i64::from(it.version())).collect();
            versions.sort_unstable();
            let count = i64::try_from(versions.len()).unwrap();
            assert_eq!(versions, (1..=count).collect::<Vec<_>>(), "{schema}");
        }
    }
}
