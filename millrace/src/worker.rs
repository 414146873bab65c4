//! `millrace worker POOL`: runs one worker of a pool.

use anyhow::Result;
use streams::Topology;
use workers::{Config, WorkerConfig};

use crate::prepare::{self, LostStreams};
use crate::runtime::runtime;
use crate::shutdown::Shutdown;

/// Processes orders until SIGTERM or SIGINT.
pub(crate) fn run(config: Config) -> Result<()> {
    runtime()?.block_on(async {
        let shutdown = Shutdown::listen()?;
        let WorkerConfig { brokers, database, .. } = &config.worker;
        let topology = Topology::new(brokers.profile);
        let prepared = async {
            let database = prepare::database(database).await?;
            let (access, refuse) = (brokers.access(), LostStreams::Refuse);
            let connection = prepare::cluster(&access, &database, &topology, refuse).await?;
            prepare::observers(&connection, &topology, &database, config.steps()).await
        };
        let Some(()) = shutdown.run_until_requested(prepared).await.transpose()? else {
            return Ok(());
        };
        Ok(workers::run(config, shutdown.token()).await?)
    })
}
