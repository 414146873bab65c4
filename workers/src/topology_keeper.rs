//! Keeps the streams and consumers as they must be while the cluster runs: a consumer that was deleted
//! is created again, and settings that were changed by hand are corrected. A pause is logged.

use std::rc::Rc;

use streams::{Connection, Ensured, Step, Topology, keep_topology};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::error_chain::error_chain;
use crate::limits::{TOPOLOGY_INTERVAL, TOPOLOGY_INTERVAL_MIN};
use crate::paused_consumers::PausedConsumers;

/// Compares the topology at intervals, and after a fetch has failed.
pub(crate) struct TopologyKeeper {
    pub(crate) connection: Connection,
    pub(crate) topology: Topology,
    /// The steps whose consumers must exist.
    pub(crate) steps: Vec<Step>,
    pub(crate) paused: PausedConsumers,
    /// Notified when a fetch fails.
    pub(crate) fetch_failed: Rc<Notify>,
}

impl TopologyKeeper {
    /// Keeps the topology until `shutdown`.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) {
        shutdown.run_until_cancelled(self.keep()).await;
    }

    async fn keep(&mut self) {
        let mut is_failing = false;
        loop {
            self.paused.look().await;
            timeout(TOPOLOGY_INTERVAL, self.fetch_failed.notified()).await.ok();
            let kept = keep_topology(&self.connection, &self.topology, &self.steps).await;
            let (corrected, failed) = match kept {
                Ok(Ensured { corrected, failed }) => (corrected, failed),
                Err(err) => (Vec::new(), vec![err]),
            };
            for difference in corrected {
                tracing::warn!(%difference, "stream or consumer settings corrected");
            }
            for err in failed.iter().filter(|_| !is_failing) {
                let error = error_chain(err);
                tracing::error!(error, "streams or consumers are not as they must be");
            }
            is_failing = !failed.is_empty();
            sleep(TOPOLOGY_INTERVAL_MIN).await;
        }
    }
}
