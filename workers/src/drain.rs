//! The drain: a worker that is shutting down completes the messages that it has, for a limited time.

use std::cell::OnceCell;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::limits::DRAIN_TIMEOUT;

/// The time at which a loop that is shutting down must stop processing.
pub(crate) struct DrainDeadline {
    pub(crate) shutdown: CancellationToken,
    at: OnceCell<Instant>,
}

impl DrainDeadline {
    pub(crate) fn new(shutdown: CancellationToken) -> Self {
        Self { shutdown, at: OnceCell::new() }
    }

    /// The deadline: [`DRAIN_TIMEOUT`] after the first call.
    pub(crate) fn at(&self) -> Instant {
        *self.at.get_or_init(|| Instant::now() + DRAIN_TIMEOUT)
    }

    /// The output of `work`; `None` if the worker is shutting down and the deadline passes first.
    pub(crate) async fn run_until_passed<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let passed = async {
            self.shutdown.cancelled().await;
            sleep_until(self.at()).await;
        };
        tokio::select! {
            biased;
            output = work => Some(output),
            () = passed => None,
        }
    }
}
