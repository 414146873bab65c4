//! Proxies between the brokers for network partitions: each broker connects to every other one
//! through a link that can be cut.

use std::io;

use super::link_proxy::{LinkProxy, LinkState};

/// One proxy for each ordered pair of brokers. Dropping them closes their connections.
#[derive(Debug)]
pub(crate) struct PartitionProxies(Vec<Route>);

/// The link from one broker to another.
#[derive(Debug)]
struct Route {
    from: usize,
    to: usize,
    link: LinkProxy,
}

impl PartitionProxies {
    /// Starts proxies between the brokers with these route ports. Must be called inside a Tokio
    /// runtime.
    pub(crate) fn start(route_ports: &[u16]) -> io::Result<Self> {
        let mut routes = Vec::new();
        for from in 0..route_ports.len() {
            for to in (0..route_ports.len()).filter(|to| *to != from) {
                routes.push(Route { from, to, link: LinkProxy::start(route_ports[to])? });
            }
        }
        Ok(Self(routes))
    }

    /// The proxy ports at which broker `from` reaches the other brokers.
    pub(crate) fn ports_of(&self, from: usize) -> impl Iterator<Item = u16> {
        self.0.iter().filter(move |route| route.from == from).map(|route| route.link.port())
    }

    /// Blocks all traffic from and to `broker`.
    pub(crate) fn partition(&self, broker: usize) {
        for route in self.0.iter().filter(|route| route.from == broker || route.to == broker) {
            route.link.set(LinkState::Cut);
        }
    }

    /// Unblocks all proxies.
    pub(crate) fn heal(&self) {
        for route in &self.0 {
            route.link.set(LinkState::Open);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn a_partition_delays_data_until_it_is_healed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let proxies = PartitionProxies::start(&[0, port]).unwrap();
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
