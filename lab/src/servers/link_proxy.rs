//! A TCP proxy for one link from a client to a server, which can be cut or made slow.
//!
//! A cut link holds data back like a network that drops every packet: connections stay open and
//! silent, and the data arrives when the link is healed.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep;

/// Bytes that a proxy forwards per read.
const BUFFER_BYTES: usize = 64 * 1024;
/// The delay of each read in a slow link: several round trips exceed most timeouts of a second.
const DELAY: Duration = Duration::from_millis(300);

/// What a link does with data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// It forwards both ways.
    Open,
    /// It holds back both ways.
    Cut,
    /// Requests arrive, and responses do not.
    ResponsesCut,
    /// It forwards with a delay.
    Slow,
}

/// A running proxy. Dropping it closes its connections.
#[derive(Debug)]
pub(crate) struct LinkProxy {
    port: u16,
    state: watch::Sender<LinkState>,
    task: AbortHandle,
}

/// The direction of data.
#[derive(Clone, Copy)]
enum Direction {
    ToServer,
    ToClient,
}

impl LinkState {
    const fn passes(self, direction: Direction) -> bool {
        match self {
            Self::Open | Self::Slow => true,
            Self::Cut => false,
            Self::ResponsesCut => matches!(direction, Direction::ToServer),
        }
    }
}

impl LinkProxy {
    /// Starts a proxy of the server on a local port. Must be called inside a Tokio runtime.
    pub(crate) fn start(server_port: u16) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let port = listener.local_addr()?.port();
        let (state, link) = watch::channel(LinkState::Open);
        let task = tokio::spawn(serve(listener, server_port, link)).abort_handle();
        Ok(Self { port, state, task })
    }

    /// The local port for clients.
    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// Changes what the link does, also with connections that exist.
    pub(crate) fn set(&self, state: LinkState) {
        self.state.send_replace(state);
    }
}

impl Drop for LinkProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, server_port: u16, link: watch::Receiver<LinkState>) {
    let mut connections = JoinSet::new();
    loop {
        // Removes closed connections from the set.
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) => drop(connections.spawn(proxy(stream, server_port, link.clone()))),
            Err(error) => tracing::debug!(%error, "accepting a connection failed"),
        }
    }
}

/// Proxies one connection. When either side closes, so does the other.
async fn proxy(
    client: TcpStream,
    server_port: u16,
    mut link: watch::Receiver<LinkState>,
) -> io::Result<()> {
    wait_until_passable(&mut link, Direction::ToServer).await?;
    let server = TcpStream::connect(("127.0.0.1", server_port)).await?;
    for stream in [&client, &server] {
        stream.set_nodelay(true)?;
    }
    let (client_reader, client_writer) = client.into_split();
    let (server_reader, server_writer) = server.into_split();
    tokio::select! {
        result = forward(client_reader, server_writer, link.clone(), Direction::ToServer) => result,
        result = forward(server_reader, client_writer, link, Direction::ToClient) => result,
    }
}

async fn forward(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut link: watch::Receiver<LinkState>,
    direction: Direction,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let length = from.read(&mut buffer).await?;
        // The end of a connection does not arrive through a cut link, either.
        if wait_until_passable(&mut link, direction).await? == LinkState::Slow {
            sleep(DELAY).await;
        }
        if length == 0 {
            return Ok(());
        }
        to.write_all(&buffer[..length]).await?;
    }
}

async fn wait_until_passable(
    link: &mut watch::Receiver<LinkState>,
    direction: Direction,
) -> io::Result<LinkState> {
    let passable = link.wait_for(|state| state.passes(direction)).await;
    passable.map(|state| *state).map_err(|_| io::ErrorKind::BrokenPipe.into())
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn a_link_whose_responses_are_cut_delivers_requests_at_once_and_responses_when_it_is_healed()
     {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = LinkProxy::start(listener.local_addr().unwrap().port()).unwrap();
        let mut client = TcpStream::connect(("127.0.0.1", proxy.port())).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();

        proxy.set(LinkState::ResponsesCut);
        client.write_all(b"a").await.unwrap();
        assert_eq!(server.read_u8().await.unwrap(), b'a');
        server.write_all(b"b").await.unwrap();
        let response = timeout(Duration::from_millis(50), client.read_u8()).await;
        assert!(response.is_err(), "a response passed");
        proxy.set(LinkState::Open);
        assert_eq!(client.read_u8().await.unwrap(), b'b');
    }
}
