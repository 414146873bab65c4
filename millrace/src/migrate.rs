//! `millrace migrate`: creates or updates streams and tables. Each worker does the same at startup;
//! this command is for a deployment that runs migrations once, before it starts any role.

use anyhow::Result;
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
    /// Create streams that are missing although the database holds orders: those that were in
    /// flight are given up
    #[arg(long)]
    begin_anew: bool,
}

/// Creates what is missing and corrects settings that have drifted.
pub(crate) fn run(args: &MigrateArgs) -> Result<()> {
    runtime()?.block_on(async {
        let BrokersConfig { nats_url, profile } = &args.brokers;
        let lost_streams =
            if args.begin_anew { LostStreams::BeginAnew } else { LostStreams::Refuse };
        let (topology, database_url) = (Topology::new(*profile), &args.database.database_url);
        prepare::cluster(nats_url, database_url, &topology, lost_streams).await?;
        Ok(())
    })
}
