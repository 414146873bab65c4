//! The links from one role process to the servers, each through a proxy that can be cut.

use std::io;

use strum::{IntoStaticStr, VariantArray};

use crate::servers::{LinkProxy, LinkState, Servers};

/// The servers at the other end of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum LinkedServer {
    /// All brokers.
    Brokers,
    /// Redis.
    Redis,
    /// PostgreSQL.
    Postgres,
}

/// The links of one process. Dropping them closes its connections.
pub(super) struct ServerLinks {
    brokers: Vec<Link>,
    redis: Link,
    postgres: Link,
}

/// A proxy to a server.
struct Link {
    proxy: LinkProxy,
    /// The URL of the server.
    direct: String,
}

impl ServerLinks {
    /// Starts one proxy for each server. Must be called inside a Tokio runtime.
    pub(super) fn start(servers: &Servers) -> io::Result<Self> {
        let brokers = servers.brokers.servers.iter().map(|broker| Link::start(broker.url()));
        Ok(Self {
            brokers: brokers.collect::<io::Result<_>>()?,
            redis: Link::start(servers.redis.url())?,
            postgres: Link::start(servers.postgres.url())?,
        })
    }

    /// The URLs of the brokers, separated by commas.
    pub(super) fn nats_url(&self) -> String {
        self.brokers.iter().map(|link| link.through(&link.direct)).collect::<Vec<_>>().join(",")
    }

    /// A URL of Redis, by its link.
    pub(super) fn redis_url(&self, direct: &str) -> String {
        self.redis.through(direct)
    }

    /// A URL of the database, by its link.
    pub(super) fn database_url(&self, direct: &str) -> String {
        self.postgres.through(direct)
    }

    /// Changes what the links to `server` do.
    pub(super) fn set(&self, server: LinkedServer, state: LinkState) {
        let links = match server {
            LinkedServer::Brokers => self.brokers.as_slice(),
            LinkedServer::Redis => std::slice::from_ref(&self.redis),
            LinkedServer::Postgres => std::slice::from_ref(&self.postgres),
        };
        for link in links {
            link.proxy.set(state);
        }
    }
}

impl Link {
    fn start(server_url: &str) -> io::Result<Self> {
        let (_, port, _) = parts(server_url).ok_or(io::ErrorKind::InvalidInput)?;
        let port = port.parse().map_err(|_| io::ErrorKind::InvalidInput)?;
        Ok(Self { proxy: LinkProxy::start(port)?, direct: server_url.to_owned() })
    }

    /// A URL of the server, with the port of the proxy.
    fn through(&self, direct: &str) -> String {
        let (head, _, path) = parts(direct).expect("the URL of a server has a port");
        format!("{head}:{}/{path}", self.proxy.port())
    }
}

/// What is before the port of a URL, the port, and the path.
fn parts(url: &str) -> Option<(&str, &str, &str)> {
    let (head, rest) = url.rsplit_once(':')?;
    let (port, path) = rest.split_once('/').unwrap_or((rest, ""));
    Some((head, port, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_link_changes_nothing_but_the_port_of_a_url() {
        for (url, head, tail) in [
            ("nats://127.0.0.1:4222", "nats://127.0.0.1:", "/"),
            ("redis://127.0.0.1:6379/", "redis://127.0.0.1:", "/"),
            ("postgres://m:secret@127.0.0.1:5432/m", "postgres://m:secret@127.0.0.1:", "/m"),
        ] {
            let link = Link::start(url).unwrap();
            assert_eq!(link.through(url), format!("{head}{}{tail}", link.proxy.port()));
        }
    }
}
