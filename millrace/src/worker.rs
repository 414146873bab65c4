//! `millrace worker POOL`: runs one worker of a pool.

use anyhow::Result;
use streams::Topology;
use workers::{Config, WorkerConfig};

use crate::prepare;
use crate::runtime::runtime;
use crate::shutdown::Shutdown;

/// Processes orders until SIGTERM or SIGINT.
pub(crate) fn run(config: Config) -> Result<()> {
    runtime()?.block_on(async {
        let shutdown = Shutdown::listen()?;
        let WorkerConfig { brokers, database, .. } = config.worker();
        let prepared = async {
            prepare::brokers(&brokers.nats_url, &Topology::new(brokers.profile)).await?;
            prepare::database(&database.database_url).await
        };
        let Some(_) = shutdown.run_until_requested(prepared).await.transpose()? else {
            return Ok(());
        };
        Ok(workers::run(config, shutdown.token()).await?)
    })
}
