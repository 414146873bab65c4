//! The janitor: forgets what every step is done with, so that the stream never fills up for good.

use std::time::Duration;

use rand::RngExt;
use streams::{Connection, Retention, purge_processed};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::work::with_causes;

/// Seldom beside what a stream holds; each worker at a moment of its own.
const SWEEP_EVERY: Duration = Duration::from_mins(1);

/// Sweeps until `shutdown`.
pub(crate) async fn sweep(connection: Connection, shutdown: CancellationToken) {
    loop {
        let pause = rand::rng().random_range(SWEEP_EVERY / 2..=SWEEP_EVERY * 3 / 2);
        if shutdown.run_until_cancelled(sleep(pause)).await.is_none() {
            return;
        }
        match purge_processed(&connection, Retention::default()).await {
            Ok(0) => {}
            Ok(messages) => tracing::info!(messages, "done with and forgotten"),
            Err(err) => tracing::debug!(error = with_causes(&err), "nothing forgotten"),
        }
    }
}
