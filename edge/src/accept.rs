//! Listening: one socket for each core at the same address, and the kernel spreads the clients.

use std::io;
use std::net::{self, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::Arc;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::connection;
use crate::core::Core;
use crate::limits::{ACCEPT_PAUSE, BACKLOG, DRAIN_PATIENCE};

/// A listener for each core, and the address that they share.
pub(crate) fn bind(
    address: SocketAddr,
    cores: NonZeroUsize,
) -> io::Result<(SocketAddr, Vec<net::TcpListener>)> {
    let first = bind_one(address)?;
    let bound = first.local_addr()?;
    let rest = (1..cores.get()).map(|_| bind_one(bound));
    let listeners = std::iter::once(Ok(first)).chain(rest).collect::<io::Result<_>>()?;
    Ok((bound, listeners))
}

fn bind_one(address: SocketAddr) -> io::Result<net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Serves every client that comes until `stop`, and then those that are there; up to
/// `connections_max` at once, the others wait.
pub(crate) async fn accept(
    listener: TcpListener,
    connections_max: usize,
    core: Arc<Core>,
    stop: CancellationToken,
) {
    let protocol = Arc::new(connection::protocol());
    let room = Arc::new(Semaphore::new(connections_max));
    let connections = TaskTracker::new();
    let serve = |stream, permit: Option<OwnedSemaphorePermit>| {
        let served = connection::serve(stream, protocol.clone(), core.clone(), stop.clone());
        connections.spawn(async move {
            served.await;
            drop(permit);
        });
    };
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            (stream, permit) = next_client(&listener, &room) => serve(stream, permit),
        }
    }
    core.start_draining();
    // These have been told by the kernel that they are connected.
    for stream in left_over(listener) {
        serve(stream, None);
    }
    drop(core);
    connections.close();
    if timeout(DRAIN_PATIENCE, connections.wait()).await.is_err() {
        tracing::warn!(connections = connections.len(), "cut at the end of the drain");
    }
}

/// The next client, when there is room for one.
async fn next_client(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> (TcpStream, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed, so there is a permit.
    let permit = room.clone().acquire_owned().await.ok();
    let mut told = false;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                stream.set_nodelay(true).ok();
                return (stream, permit);
            }
            Err(err) => {
                if !told {
                    tracing::warn!(%err, "a connection could not be accepted");
                }
                told = true;
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Who waits to be accepted while nobody accepts any more.
fn left_over(listener: TcpListener) -> Vec<TcpStream> {
    let Ok(listener) = listener.into_std() else { return Vec::new() };
    let accepted = std::iter::from_fn(|| listener.accept().ok());
    let streams = accepted.filter_map(|(stream, _)| {
        stream.set_nonblocking(true).ok()?;
        TcpStream::from_std(stream).ok()
    });
    streams.collect()
}
