//! Whether a connection is idle, at the cost of two counters for each request instead of a timer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::sleep;

/// Counts the requests of one connection, to find out whether it is idle.
#[derive(Default, Clone)]
pub(super) struct ActivityTracker(Arc<RequestCounts>);

#[derive(Default)]
struct RequestCounts {
    started: AtomicU32,
    finished: AtomicU32,
}

/// A request in flight. Counts it as finished when dropped, even if the request is aborted.
pub(super) struct RequestGuard(Arc<RequestCounts>);

impl ActivityTracker {
    /// Counts a request as started.
    pub(super) fn start_request(&self) -> RequestGuard {
        self.0.started.fetch_add(1, Ordering::Relaxed);
        RequestGuard(self.0.clone())
    }

    /// Waits until no request has started for `quiet`, or up to twice as long, and none is in
    /// flight.
    pub(super) async fn wait_until_idle(&self, quiet: Duration) {
        let mut last_started = None;
        loop {
            let started = self.0.started.load(Ordering::Relaxed);
            let finished = self.0.finished.load(Ordering::Relaxed);
            if last_started == Some(started) && finished == started {
                return;
            }
            last_started = Some(started);
            sleep(quiet).await;
        }
    }
}

impl Drop for RequestGuard {
    fn drop(&mut self) {
        self.0.finished.fetch_add(1, Ordering::Relaxed);
    }
}
