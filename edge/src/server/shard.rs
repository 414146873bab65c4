//! A shard: a thread that serves clients, with its own runtime, broker connection and queues.

use std::net;
use std::sync::Arc;
use std::{io, thread};

use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{connection, drain, listener};
use crate::error::EdgeError;
use crate::limits::CONNECTIONS_MAX;
use crate::state::{EdgeState, ShardState};

/// A running shard.
pub(super) struct ShardHandle {
    /// Completes when the shard serves.
    pub(super) ready: oneshot::Receiver<()>,
    /// Completes when its thread has finished; an error if the thread panicked.
    pub(super) finished: oneshot::Receiver<Result<(), EdgeError>>,
}

/// Starts a shard that serves the clients of `listener` until `stop` is cancelled.
pub(super) fn start(
    listener: net::TcpListener,
    edge: EdgeState,
    stop: CancellationToken,
) -> io::Result<ShardHandle> {
    let (ready_sender, ready) = oneshot::channel();
    let (result_sender, finished) = oneshot::channel();
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    thread::Builder::new().name("edge".to_owned()).spawn(move || {
        let result = runtime.block_on(run(listener, edge, ready_sender, stop));
        drop(runtime);
        // The receiver is gone if the server has already returned.
        result_sender.send(result).ok();
    })?;
    Ok(ShardHandle { ready, finished })
}

async fn run(
    listener: net::TcpListener,
    edge: EdgeState,
    ready: oneshot::Sender<()>,
    stop: CancellationToken,
) -> Result<(), EdgeError> {
    let connections_max = CONNECTIONS_MAX.div_ceil(edge.config.cores.get());
    let (state, ingest_tasks) = ShardState::open(edge).await?;
    let listener = TcpListener::from_std(listener).map_err(EdgeError::Thread)?;
    ready.send(()).ok();
    serve(listener, connections_max, state, stop).await;
    drain::ingest(ingest_tasks).await;
    Ok(())
}

/// Serves clients until `stop` is cancelled, then drains the open connections. Serves up to
/// `connections_max` at once; further clients wait in the accept backlog.
async fn serve(
    listener: TcpListener,
    connections_max: usize,
    state: Arc<ShardState>,
    stop: CancellationToken,
) {
    let protocol = Arc::new(connection::protocol());
    let permits = Arc::new(Semaphore::new(connections_max));
    let connections = TaskTracker::new();
    let spawn = |stream: TcpStream, permit: Option<OwnedSemaphorePermit>| {
        let connection = connection::serve(stream, protocol.clone(), state.clone(), stop.clone());
        connections.spawn(async move {
            connection.await;
            drop(permit);
        });
    };
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            (stream, permit) = listener::accept_next(&listener, &permits) => spawn(stream, permit),
        }
    }
    state.start_draining();
    // The kernel has completed the handshake of these, so their clients expect a response.
    for stream in listener::close(listener) {
        spawn(stream, None);
    }
    // The queues end with the last connection.
    drop(state);
    drain::connections(&connections).await;
}
