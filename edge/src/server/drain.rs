//! The drain of a shard, which cuts no request. It begins when the process is asked to stop:
//!
//! 0. `/readyz` fails, and for the drain delay everything else is as before: a balancer stops sending.
//! 1. The shard stops listening, and serves the connections that the kernel has accepted already.
//!    Its HTTP/1.1 responses ask clients to close the connection.
//! 2. Each connection lingers, so that a request that is already being sent is answered, and closes
//!    once it is idle: [`connection`].
//! 3. The shard waits for its connections: [`connections`].
//! 4. The batches in flight are acknowledged or given up: [`ingest`].
//!
//! `docs/ARCHITECTURE.md` has the seconds at which each happens.

use std::pin::Pin;

use hyper_util::server::graceful::GracefulConnection;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::task::TaskTracker;

use super::activity::ActivityTracker;
use crate::limits::{DRAIN_LINGER, DRAIN_TIMEOUT, PUBLISH_TIMEOUT};

/// Answers the requests of a connection that have begun, and closes it.
pub(super) async fn connection<C: GracefulConnection>(
    mut connection: Pin<&mut C>,
    activity: &ActivityTracker,
) -> Result<(), C::Error> {
    // Requests that are already being sent are still answered, with a header that asks the client
    // to close.
    tokio::select! {
        biased;
        result = connection.as_mut() => return result,
        () = sleep(DRAIN_LINGER) => {}
    }
    connection.as_mut().graceful_shutdown();
    // Requests that have started are completed. One whose headers are incomplete has not started.
    tokio::select! {
        biased;
        result = connection.as_mut() => result,
        () = activity.wait_until_idle(DRAIN_LINGER) => Ok(()),
    }
}

/// Waits until all connections are closed, or the drain times out.
pub(super) async fn connections(connections: &TaskTracker) {
    connections.close();
    if timeout(DRAIN_TIMEOUT, connections.wait()).await.is_err() {
        let remaining = connections.len();
        tracing::warn!(remaining, "drain timeout, closing remaining connections");
    }
}

/// Waits for the ingest tasks, which end when the last connection has closed and dropped its sender
/// to their queues.
pub(super) async fn ingest(tasks: JoinSet<()>) {
    // Connections that the drain timeout cut may hold their senders for longer, but no client waits
    // for their orders, so this wait is bounded.
    timeout(PUBLISH_TIMEOUT, tasks.join_all()).await.ok();
}
