//! `millrace migrate`: creates or updates streams and tables. Each role does the same at startup;
//! this command is for a deployment that runs migrations once, before it starts any role.

use anyhow::Result;
use clap::Args;
use streams::{BrokersConfig, Topology};
use workers::database::DatabaseConfig;

use crate::prepare;
use crate::runtime::runtime;

/// Options of `millrace migrate`.
#[derive(Clone, Args)]
pub struct MigrateArgs {
    #[command(flatten)]
    brokers: BrokersConfig,
    #[command(flatten)]
    database: DatabaseConfig,
}

/// Creates what is missing and corrects settings that have drifted.
pub(crate) fn run(args: &MigrateArgs) -> Result<()> {
    runtime()?.block_on(async {
        let BrokersConfig { nats_url, profile } = &args.brokers;
        prepare::brokers(nats_url, &Topology::new(*profile)).await?;
        prepare::database(&args.database.database_url).await?;
        Ok(())
    })
}
