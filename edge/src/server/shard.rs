//! A shard: a thread that serves clients, with its own runtime, broker connection and queues.

use std::net::{self, Ipv4Addr};
use std::sync::Arc;
use std::{io, thread};

use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
use tokio::sync::oneshot;
use tokio_rustls::rustls::ServerConfig;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::{self, ClientStream};
use super::handshake::Handshakes;
use super::places::{Place, Places};
use super::{drain, listener};
use crate::error::EdgeError;
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
    tls: Option<Arc<ServerConfig>>,
    stop: CancellationToken,
) -> io::Result<ShardHandle> {
    let (ready_sender, ready) = oneshot::channel();
    let (result_sender, finished) = oneshot::channel();
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    thread::Builder::new().name("edge".to_owned()).spawn(move || {
        let result = runtime.block_on(run(listener, edge, tls, ready_sender, stop));
        drop(runtime);
        // The receiver is gone if the server has already returned.
        result_sender.send(result).ok();
    })?;
    Ok(ShardHandle { ready, finished })
}

async fn run(
    listener: net::TcpListener,
    edge: EdgeState,
    tls: Option<Arc<ServerConfig>>,
    ready: oneshot::Sender<()>,
    stop: CancellationToken,
) -> Result<(), EdgeError> {
    let places = Places::of_shard(edge.config.cores.get());
    let (state, ingest_tasks) = ShardState::open(edge).await?;
    let listener = TcpListener::from_std(listener).map_err(EdgeError::Thread)?;
    ready.send(()).ok();
    serve(listener, places, state, tls.map(Handshakes::new), stop).await;
    drain::ingest(ingest_tasks).await;
    Ok(())
}

/// Serves clients until `stop` is cancelled, then drains the open connections. Clients beyond the places wait in the
/// accept backlog.
async fn serve(
    listener: TcpListener,
    places: Places,
    state: Arc<ShardState>,
    tls: Option<Handshakes>,
    stop: CancellationToken,
) {
    let protocol = Arc::new(connection::protocol());
    let tls = tls.map(Arc::new);
    let connections = TaskTracker::new();
    let spawn = |stream: TcpStream, mut place: Place| {
        let (protocol, state, stop) = (protocol.clone(), state.clone(), stop.clone());
        let tls = tls.clone();
        connections.spawn(async move {
            // A client that is gone already sends no request.
            let peer = stream.peer_addr().map_or(Ipv4Addr::UNSPECIFIED.into(), |peer| peer.ip());
            let stream = open(stream, tls, &stop).await;
            place.end_handshake();
            if let Some(stream) = stream {
                connection::serve(stream, peer, protocol, state, stop).await;
            }
            drop(place);
        });
    };
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            (stream, place) = listener::accept_next(&listener, &places) => spawn(stream, place),
        }
    }
    state.start_draining();
    // The kernel has accepted the connections of these, so their clients expect a response.
    for stream in listener::close(listener) {
        spawn(stream, Place::default());
    }
    // The queues end with the last connection.
    drop(state);
    drain::connections(&connections).await;
}

/// What carries the requests of a client; `None` if that is not agreed.
async fn open(
    stream: TcpStream,
    tls: Option<Arc<Handshakes>>,
    stop: &CancellationToken,
) -> Option<ClientStream> {
    match tls {
        None => Some(ClientStream::Left(stream)),
        Some(tls) => Some(ClientStream::Right(Box::new(tls.accept(stream, stop).await?))),
    }
}
