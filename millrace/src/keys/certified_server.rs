//! The servers that have certificates, and the hosts that those name.

use std::net::IpAddr;

/// A server with a certificate of its own; its name is that of its folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertifiedServer {
    /// The brokers, which have one for all of them.
    Brokers,
    /// PostgreSQL.
    Postgres,
    /// Redis.
    Redis,
}

/// Names and addresses at which others reach the servers, besides those of their own machine. For a server without any,
/// those of its certificate before stay.
#[derive(Debug, Clone, Default)]
pub struct ServerHosts {
    /// Of all brokers.
    pub brokers: Vec<String>,
    /// Of PostgreSQL.
    pub postgres: Vec<String>,
    /// Of Redis.
    pub redis: Vec<String>,
}

impl CertifiedServer {
    /// Every server.
    pub(super) const ALL: [Self; 3] = [Self::Brokers, Self::Postgres, Self::Redis];

    /// The name of its folder, and in its certificate.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Brokers => "brokers",
            Self::Postgres => "postgres",
            Self::Redis => "redis",
        }
    }
}

impl ServerHosts {
    pub(super) fn of(&self, server: CertifiedServer) -> &[String] {
        match server {
            CertifiedServer::Brokers => &self.brokers,
            CertifiedServer::Postgres => &self.postgres,
            CertifiedServer::Redis => &self.redis,
        }
    }
}

/// Validates the name or the address of a host, as a certificate has it.
pub(super) fn host(text: &str) -> Result<String, String> {
    let is_label = |label: &str| {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        !label.is_empty() && label.bytes().all(is_part)
    };
    if text.parse::<IpAddr>().is_ok() || text.split('.').all(is_label) {
        return Ok(text.to_owned());
    }
    Err("give the name or the address of a host, without a port".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_and_nothing_else() {
        for text in ["broker-1", "b.example.org", "10.0.0.1", "::1", "my_host"] {
            assert_eq!(host(text).as_deref(), Ok(text));
        }
        for text in ["", "broker:4222", "https://b", "a b", "b.", "r\u{e9}dis", "*"] {
            assert!(host(text).is_err(), "{text}");
        }
    }
}
