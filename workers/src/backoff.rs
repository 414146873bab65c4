//! The back-off while a dependency is unavailable.

use std::time::Duration;

use rand::RngExt;
use tokio::time::sleep;

use crate::error_chain::error_chain;
use crate::limits::{BACKOFF_MAX, BACKOFF_MIN};
use crate::running_stage::RunningStep;

/// Delays that double from [`BACKOFF_MIN`] to [`BACKOFF_MAX`].
pub(crate) struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Self {
        Self(BACKOFF_MIN)
    }
}

impl Backoff {
    /// The next delay.
    pub(crate) fn next(&mut self) -> Duration {
        let delay = self.0;
        self.0 = (delay * 2).min(BACKOFF_MAX);
        delay
    }
}

/// Waits for about `delay`, and then until all dependencies of the step are available.
pub(crate) async fn wait_for_dependencies(step: &RunningStep, delay: Duration) {
    let mut backoff = Backoff(delay);
    loop {
        let delay = backoff.next();
        // Jitter: not all workers probe at the same moment.
        sleep(rand::rng().random_range(delay / 2..=delay)).await;
        let name = &step.step;
        match step.probe().await {
            Ok(()) => return tracing::info!(step = %name, "dependency recovered, resuming step"),
            Err(err) => {
                let error = error_chain(&err);
                tracing::debug!(step = %name, error, "dependency still unavailable");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_their_maximum() {
        let mut backoff = Backoff::default();
        let delays: Vec<u128> = (0..6).map(|_| backoff.next().as_millis()).collect();
        assert_eq!(delays, [100, 200, 400, 800, 1_600, 2_000]);
    }
}
