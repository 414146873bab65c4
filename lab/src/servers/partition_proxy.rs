//! TCP proxies between the brokers for network partitions: each broker connects to every other one
//! through a proxy that can be blocked.
//!
//! A blocked proxy delays data like a network that drops every packet: connections stay open and
//! silent, and the data is delivered when the partition is healed.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

/// Bytes that a proxy forwards per read.
const BUFFER_BYTES: usize = 64 * 1024;

/// One proxy for each ordered pair of brokers. Dropping them closes their connections.
#[derive(Debug)]
pub(crate) struct PartitionProxies(Vec<LinkProxy>);

/// The proxy for connections from one broker to another.
#[derive(Debug)]
struct LinkProxy {
    from: usize,
    to: usize,
    port: u16,
    open: watch::Sender<bool>,
    task: AbortHandle,
}

impl PartitionProxies {
    /// Starts proxies between the brokers with these route ports.
    pub(crate) async fn start(route_ports: &[u16]) -> io::Result<Self> {
        let mut proxies = Vec::new();
        for from in 0..route_ports.len() {
            for to in (0..route_ports.len()).filter(|to| *to != from) {
                let listener = TcpListener::bind("127.0.0.1:0").await?;
                let port = listener.local_addr()?.port();
                let (open, is_open) = watch::channel(true);
                let task = tokio::spawn(serve(listener, route_ports[to], is_open)).abort_handle();
                proxies.push(LinkProxy { from, to, port, open, task });
            }
        }
        Ok(Self(proxies))
    }

    /// The proxy ports at which broker `from` reaches the other brokers.
    pub(crate) fn ports_of(&self, from: usize) -> impl Iterator<Item = u16> {
        self.0.iter().filter(move |proxy| proxy.from == from).map(|proxy| proxy.port)
    }

    /// Blocks all traffic from and to `broker`.
    pub(crate) fn partition(&self, broker: usize) {
        for proxy in self.0.iter().filter(|proxy| proxy.from == broker || proxy.to == broker) {
            proxy.open.send_replace(false);
        }
    }

    /// Unblocks all proxies.
    pub(crate) fn heal(&self) {
        for proxy in &self.0 {
            proxy.open.send_replace(true);
        }
    }
}

impl Drop for LinkProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, port: u16, open: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        // Removes closed connections from the set.
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) => drop(connections.spawn(proxy(stream, port, open.clone()))),
            Err(error) => tracing::debug!(%error, "accepting a broker connection failed"),
        }
    }
}

/// Proxies one connection between two brokers. When either side closes, so does the other.
async fn proxy(from: TcpStream, port: u16, mut open: watch::Receiver<bool>) -> io::Result<()> {
    wait_until_open(&mut open).await?;
    let to = TcpStream::connect(("127.0.0.1", port)).await?;
    for stream in [&from, &to] {
        stream.set_nodelay(true)?;
    }
    let (from_reader, from_writer) = from.into_split();
    let (to_reader, to_writer) = to.into_split();
    tokio::select! {
        result = forward(from_reader, to_writer, open.clone()) => result,
        result = forward(to_reader, from_writer, open) => result,
    }
}

async fn forward(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut open: watch::Receiver<bool>,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        wait_until_open(&mut open).await?;
        to.write_all(&buffer[..length]).await?;
    }
}

async fn wait_until_open(open: &mut watch::Receiver<bool>) -> io::Result<()> {
    open.wait_for(|open| *open).await.map(drop).map_err(|_| io::ErrorKind::BrokenPipe.into())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn a_partition_delays_data_until_it_is_healed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let proxies = PartitionProxies::start(&[0, port]).await.unwrap();
        let proxy_port = proxies.ports_of(0).next().unwrap();
        let mut client = TcpStream::connect(("127.0.0.1", proxy_port)).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();

        client.write_all(b"a").await.unwrap();
        assert_eq!(server.read_u8().await.unwrap(), b'a');
        proxies.partition(1);
        client.write_all(b"b").await.unwrap();
        let read = timeout(Duration::from_millis(50), server.read_u8()).await;
        assert!(read.is_err(), "data passed a blocked proxy");
        proxies.heal();
        assert_eq!(server.read_u8().await.unwrap(), b'b');
    }
}
