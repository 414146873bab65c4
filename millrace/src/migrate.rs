//! `millrace migrate`: streams and tables made or brought up to date, before any role is started.
//! Each role does the same at its start; a deployment that wants it done once, beforehand, has this.

use anyhow::Result;
use clap::Args;
use streams::{BrokersConfig, Topology};
use workers::database::DatabaseConfig;

use crate::command::runtime;
use crate::prepare;

/// Where streams and tables are.
#[derive(Clone, Args)]
pub struct MigrateArgs {
    #[command(flatten)]
    brokers: BrokersConfig,
    #[command(flatten)]
    database: DatabaseConfig,
}

/// Makes what is missing and corrects what has drifted.
pub(crate) fn run(args: &MigrateArgs) -> Result<()> {
    runtime()?.block_on(async {
        let BrokersConfig { nats_url, profile } = &args.brokers;
        prepare::brokers(nats_url, &Topology::new(*profile)).await?;
        prepare::database(&args.database.database_url).await?;
        Ok(())
    })
}
