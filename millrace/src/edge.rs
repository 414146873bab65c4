//! `millrace edge`: runs one edge.

use anyhow::Result;
use workers::stages::FIRST_STEP;

use crate::runtime::runtime;
use crate::shutdown::Shutdown;

/// Serves until SIGTERM or SIGINT, then drains: finishes the requests in flight. It creates no
/// stream: only a process that knows the database can say whether a missing one was lost.
pub(crate) fn run(config: edge::Config) -> Result<()> {
    runtime()?.block_on(async {
        let shutdown = Shutdown::listen()?;
        Ok(edge::run(config, FIRST_STEP, |_| {}, shutdown.wait()).await?)
    })
}
