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

/// A proxy, and the URL at which a client reaches a server through it.
struct Link {
    proxy: LinkProxy,
    url: String,
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
        self.brokers.iter().map(|link| link.url.as_str()).collect::<Vec<_>>().join(",")
    }

    pub(super) fn redis_url(&self) -> &str {
        &self.redis.url
    }

    pub(super) fn database_url(&self) -> &str {
        &self.postgres.url
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
        let (head, rest) = server_url.rsplit_once(':').ok_or(io::ErrorKind::InvalidInput)?;
        let (port, path) = rest.split_once('/').map_or((rest, ""), |(port, path)| (port, path));
        let port = port.parse().map_err(|_| io::ErrorKind::InvalidInput)?;
        let proxy = LinkProxy::start(port)?;
        let url = format!("{head}:{}/{path}", proxy.port());
        Ok(Self { proxy, url })
    }
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
            assert_eq!(link.url, format!("{head}{}{tail}", link.proxy.port()));
        }
    }
}
