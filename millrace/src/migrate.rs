//! `millrace migrate`: creates or updates tables, roles and streams. Its user owns the tables; the workers' users
//! may not change them, and wait until it has run.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use streams::{BrokersConfig, Topology};
use workers::database::DatabaseConfig;

use crate::prepare::{self, LostStreams};
use crate::runtime::runtime;

/// Options of `millrace migrate`.
#[derive(Clone, Args)]
pub struct MigrateArgs {
    #[command(flatten)]
    brokers: BrokersConfig,
    #[command(flatten)]
    database: DatabaseConfig,
    /// SQL that creates the database's roles with their passwords, as `millrace passwords` writes it
    #[arg(long, value_name = "FILE")]
    roles: Option<PathBuf>,
    /// Create streams that are missing although the database holds orders: those that were in
    /// flight are given up
    #[arg(long)]
    begin_anew: bool,
}

/// Creates what is missing and corrects settings that have drifted.
pub(crate) fn run(args: &MigrateArgs) -> Result<()> {
    runtime()?.block_on(async {
        let lost_streams =
            if args.begin_anew { LostStreams::BeginAnew } else { LostStreams::Refuse };
        let database = prepare::migrated_database(&args.database).await?;
        if let Some(file) = &args.roles {
            let sql = std::fs::read_to_string(file);
            let sql = sql.with_context(|| format!("cannot read {}", file.display()))?;
            let created = database.connection().await?.batch_execute(&sql).await;
            created.with_context(|| format!("running {}", file.display()))?;
        }
        let (access, topology) = (args.brokers.access(), Topology::new(args.brokers.profile));
        prepare::cluster(&access, &database, &topology, lost_streams).await?;
        Ok(())
    })
}
