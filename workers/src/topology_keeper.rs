//! Keeps the streams and consumers as they must be while the cluster runs: a consumer that was deleted
//! is created again, and settings that were changed by hand are corrected. A pause is logged.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use futures_util::FutureExt;
use rand::RngExt;
use streams::{Connection, Ensured, Notifications, Step, Topology, keep_topology, subjects};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::error_chain::error_chain;
use crate::limits::{
    TOPOLOGY_INTERVAL, TOPOLOGY_INTERVAL_MIN, TOPOLOGY_NOTICE_INTERVAL, TOPOLOGY_NOTICE_SPREAD,
};
use crate::paused_consumers::PausedConsumers;

/// Compares the topology at intervals, after a fetch has failed, and when an edge has found a difference.
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
        let mut logged = BTreeSet::new();
        let mut notices = Notices::listen(&self.connection).await;
        loop {
            self.paused.look().await;
            tokio::select! {
                () = self.fetch_failed.notified() => {}
                () = notices.next() => {}
                () = sleep(TOPOLOGY_INTERVAL) => {}
            }
            let kept = keep_topology(&self.connection, &self.topology, &self.steps).await;
            let (corrected, failed) = match kept {
                Ok(Ensured { corrected, failed }) => (corrected, failed),
                Err(err) => (Vec::new(), vec![err]),
            };
            for difference in corrected {
                tracing::warn!(%difference, "stream or consumer settings corrected");
            }
            let failed: BTreeSet<String> = failed.iter().map(|err| error_chain(err)).collect();
            for error in failed.difference(&logged) {
                tracing::error!(error, "streams or consumers are not as they must be");
            }
            logged = failed;
            sleep(TOPOLOGY_INTERVAL_MIN).await;
        }
    }
}

/// What edges say of streams that differ, each second while one does.
struct Notices {
    /// `None` if they could not be subscribed to.
    notifications: Option<Notifications>,
    heeded_at: Option<Instant>,
}

impl Notices {
    async fn listen(connection: &Connection) -> Self {
        let notifications = connection.listen(subjects::STREAMS_DIFFER).await.ok();
        Self { notifications, heeded_at: None }
    }

    /// Waits for a notice, and then for a random time, so that the workers do not all look at once: the first
    /// one puts it right. What cannot be put right is looked at rarely.
    async fn next(&mut self) {
        if let Some(heeded_at) = self.heeded_at {
            sleep_until(heeded_at + TOPOLOGY_NOTICE_INTERVAL).await;
        }
        let Some(notifications) = &mut self.notifications else {
            return std::future::pending().await;
        };
        // Those that have come in the meantime say nothing about now.
        while let Some(Some(_)) = notifications.next().now_or_never() {}
        if notifications.next().await.is_none() {
            std::future::pending::<()>().await;
        }
        sleep(rand::rng().random_range(Duration::ZERO..=TOPOLOGY_NOTICE_SPREAD)).await;
        self.heeded_at = Some(Instant::now());
    }
}
