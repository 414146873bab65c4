//! `millrace edge`: runs one edge.

use anyhow::Result;
use streams::Topology;
use workers::stages::FIRST_STEP;

use crate::prepare;
use crate::runtime::runtime;
use crate::shutdown::Shutdown;

/// Serves until SIGTERM or SIGINT, then drains: finishes the requests in flight.
pub(crate) fn run(config: edge::Config) -> Result<()> {
    runtime()?.block_on(async {
        let shutdown = Shutdown::listen()?;
        let topology = Topology::new(config.brokers.profile);
        let prepared = prepare::brokers(&config.brokers.nats_url, &topology);
        let Some(_) = shutdown.run_until_requested(prepared).await.transpose()? else {
            return Ok(());
        };
        Ok(edge::run(config, FIRST_STEP, |_| {}, shutdown.wait()).await?)
    })
}
