//! The links between brokers, so that one can be cut off from the others: each broker reaches each
//! other one through a door of ours, which can be shut.
//!
//! A shut door holds back what comes, as a network does that loses every packet: connections stay
//! open and silent, and what was sent arrives when the door opens again.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

/// Bytes that a door carries at once.
const CARRIED: usize = 64 * 1024;

/// The doors between all brokers. Dropping them ends the links.
#[derive(Debug)]
pub(crate) struct Links(Vec<Door>);

/// The way from one broker to another.
#[derive(Debug)]
struct Door {
    from: usize,
    to: usize,
    port: u16,
    open: watch::Sender<bool>,
    task: AbortHandle,
}

impl Links {
    /// Doors to the brokers whose `ports` for routes these are.
    pub(crate) async fn open(ports: &[u16]) -> io::Result<Self> {
        let mut doors = Vec::new();
        for from in 0..ports.len() {
            for to in (0..ports.len()).filter(|to| *to != from) {
                let listener = TcpListener::bind("127.0.0.1:0").await?;
                let port = listener.local_addr()?.port();
                let (open, is_open) = watch::channel(true);
                let task = tokio::spawn(serve(listener, ports[to], is_open)).abort_handle();
                doors.push(Door { from, to, port, open, task });
            }
        }
        Ok(Self(doors))
    }

    /// The ports at which broker `from` reaches the others.
    pub(crate) fn ports_of(&self, from: usize) -> impl Iterator<Item = u16> {
        self.0.iter().filter(move |door| door.from == from).map(|door| door.port)
    }

    /// Shuts all doors from and to `broker`.
    pub(crate) fn partition(&self, broker: usize) {
        for door in self.0.iter().filter(|door| door.from == broker || door.to == broker) {
            door.open.send_replace(false);
        }
    }

    /// Opens all doors.
    pub(crate) fn heal(&self) {
        for door in &self.0 {
            door.open.send_replace(true);
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, port: u16, open: watch::Receiver<bool>) {
    let mut links = JoinSet::new();
    loop {
        // Ended links are forgotten as new ones come.
        while links.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) => drop(links.spawn(link(stream, port, open.clone()))),
            Err(error) => tracing::debug!(%error, "a link between brokers was not accepted"),
        }
    }
}

/// One connection between two brokers; when either side ends, so does the other.
async fn link(from: TcpStream, port: u16, mut open: watch::Receiver<bool>) -> io::Result<()> {
    pass(&mut open).await?;
    let to = TcpStream::connect(("127.0.0.1", port)).await?;
    for stream in [&from, &to] {
        stream.set_nodelay(true)?;
    }
    let ((from_reads, from_writes), (to_reads, to_writes)) = (from.into_split(), to.into_split());
    tokio::select! {
        ended = carry(from_reads, to_writes, open.clone()) => ended,
        ended = carry(to_reads, from_writes, open) => ended,
    }
}

async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut open: watch::Receiver<bool>,
) -> io::Result<()> {
    let mut bytes = vec![0; CARRIED];
    loop {
        let read = from.read(&mut bytes).await?;
        if read == 0 {
            return Ok(());
        }
        pass(&mut open).await?;
        to.write_all(&bytes[..read]).await?;
    }
}

async fn pass(open: &mut watch::Receiver<bool>) -> io::Result<()> {
    open.wait_for(|open| *open).await.map(drop).map_err(|_| io::ErrorKind::BrokenPipe.into())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn a_shut_door_holds_back_what_comes_until_it_opens() {
        let there = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = there.local_addr().unwrap().port();
        let links = Links::open(&[0, port]).await.unwrap();
        let door = links.ports_of(0).next().unwrap();
        let mut here = TcpStream::connect(("127.0.0.1", door)).await.unwrap();
        let (mut there, _) = there.accept().await.unwrap();

        here.write_all(b"a").await.unwrap();
        assert_eq!(there.read_u8().await.unwrap(), b'a');
        links.partition(1);
        here.write_all(b"b").await.unwrap();
        let silent = timeout(Duration::from_millis(50), there.read_u8()).await;
        assert!(silent.is_err(), "something came through a shut door");
        links.heal();
        assert_eq!(there.read_u8().await.unwrap(), b'b');
    }
}
