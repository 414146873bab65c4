//! Listening sockets: one for each shard at the same address (`SO_REUSEPORT`), so that the kernel
//! distributes the clients.

use std::io;
use std::net::{self, SocketAddr};
use std::num::NonZeroUsize;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use super::places::{Place, Places};
use crate::limits::{ACCEPT_RETRY_DELAY, LISTEN_BACKLOG};

/// A listener for each of `count` shards, and the address that they share.
pub(super) fn bind(
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

/// The next client, once there is a place.
pub(super) async fn accept_next(listener: &TcpListener, places: &Places) -> (TcpStream, Place) {
    let place = places.take().await;
    let mut is_logged = false;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                stream.set_nodelay(true).ok();
                return (stream, place);
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

/// Stops listening. Returns the connections that are still in the accept backlog.
pub(super) fn close(listener: TcpListener) -> Vec<TcpStream> {
    let Ok(listener) = listener.into_std() else { return Vec::new() };
    let accepted = std::iter::from_fn(|| listener.accept().ok());
    let streams = accepted.filter_map(|(stream, _)| {
        stream.set_nonblocking(true).ok()?;
        TcpStream::from_std(stream).ok()
    });
    streams.collect()
}
