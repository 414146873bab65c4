//! Listening sockets: one for each shard at the same address (`SO_REUSEPORT`), so that the kernel
//! distributes the clients.

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

use super::connection;
use crate::limits::{ACCEPT_RETRY_DELAY, DRAIN_TIMEOUT, LISTEN_BACKLOG};
use crate::shard::Shard;

/// A listener for each of `count` shards, and the address that they share.
pub(crate) fn bind(
    address: SocketAddr,
    count: NonZeroUsize,
) -> io::Result<(SocketAddr, Vec<net::TcpListener>)> {
    let first = bind_one(address)?;
    let bound = first.local_addr()?;
    let rest = (1..count.get()).map(|_| bind_one(bound));
    let listeners = std::iter::once(Ok(first)).chain(rest).collect::<io::Result<_>>()?;
    Ok((bound, listeners))
}

fn bind_one(address: SocketAddr) -> io::Result<net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(LISTEN_BACKLOG)?;
    Ok(socket.into())
}

/// Accepts and serves clients until `stop` is cancelled, then drains the open connections. Serves
/// up to `connections_max` at once; further clients wait in the accept backlog.
pub(crate) async fn serve(
    listener: TcpListener,
    connections_max: usize,
    shard: Arc<Shard>,
    stop: CancellationToken,
) {
    let protocol = Arc::new(connection::protocol());
    let permits = Arc::new(Semaphore::new(connections_max));
    let connections = TaskTracker::new();
    let spawn = |stream, permit: Option<OwnedSemaphorePermit>| {
        let connection = connection::serve(stream, protocol.clone(), shard.clone(), stop.clone());
        connections.spawn(async move {
            connection.await;
            drop(permit);
        });
    };
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            (stream, permit) = accept_next(&listener, &permits) => spawn(stream, permit),
        }
    }
    shard.start_draining();
    // The kernel has completed the handshake of these, so their clients expect a response.
    for stream in drain_accept_backlog(listener) {
        spawn(stream, None);
    }
    drop(shard);
    connections.close();
    if timeout(DRAIN_TIMEOUT, connections.wait()).await.is_err() {
        let remaining = connections.len();
        tracing::warn!(remaining, "drain timeout, closing remaining connections");
    }
}

/// The next client, once fewer than the maximum are connected.
async fn accept_next(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
) -> (TcpStream, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed, so there is always a permit.
    let permit = permits.clone().acquire_owned().await.ok();
    let mut is_logged = false;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                stream.set_nodelay(true).ok();
                return (stream, permit);
            }
            Err(err) => {
                if !is_logged {
                    tracing::warn!(%err, "cannot accept connection, retrying");
                }
                is_logged = true;
                sleep(ACCEPT_RETRY_DELAY).await;
            }
        }
    }
}

/// The connections that were in the accept backlog when the accept loop stopped.
fn drain_accept_backlog(listener: TcpListener) -> Vec<TcpStream> {
    let Ok(listener) = listener.into_std() else { return Vec::new() };
    let accepted = std::iter::from_fn(|| listener.accept().ok());
    let streams = accepted.filter_map(|(stream, _)| {
        stream.set_nonblocking(true).ok()?;
        TcpStream::from_std(stream).ok()
    });
    streams.collect()
}
