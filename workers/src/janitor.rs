//! The janitor: purges messages that every step has processed, so that the stream never fills up.

use std::time::Duration;

use rand::RngExt;
use streams::{Connection, Retention, purge_processed};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::process::error_chain;

/// Average time between two purges: rare compared with what a stream holds. Jitter spreads the
/// workers' purges over time.
const PURGE_INTERVAL: Duration = Duration::from_mins(1);

/// Purges repeatedly until `shutdown`.
pub(crate) async fn run(connection: Connection, shutdown: CancellationToken) {
    loop {
        let delay = rand::rng().random_range(PURGE_INTERVAL / 2..=PURGE_INTERVAL * 3 / 2);
        if shutdown.run_until_cancelled(sleep(delay)).await.is_none() {
            return;
        }
        match purge_processed(&connection, Retention::default()).await {
            Ok(0) => {}
            Ok(messages) => tracing::info!(messages, "purged processed messages"),
            Err(err) => tracing::debug!(error = error_chain(&err), "purge failed"),
        }
    }
}
