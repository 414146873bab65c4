//! The error of [`run`](crate::run).

use std::net::SocketAddr;

use thiserror::Error;

/// Why an edge does not start, or stops.
#[derive(Debug, Error)]
pub enum EdgeError {
    /// Binding or listening failed.
    #[error("cannot listen on {address}")]
    Listen {
        /// The configured address.
        address: SocketAddr,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// A thread or its runtime did not start.
    #[error("cannot start an edge thread")]
    Thread(#[source] std::io::Error),
    /// No broker accepts the connection.
    #[error("cannot connect to the brokers")]
    Broker(#[from] streams::ConnectError),
    /// The brokers do not provide the durability that the profile claims.
    #[error(transparent)]
    DurabilityUnverified(#[from] streams::DurabilityUnverified),
    /// The URL of Redis is invalid, or the password cannot be read.
    #[error("invalid configuration of Redis")]
    Redis(#[from] redis::RedisError),
    /// The keys of the issuer of tokens cannot be read from their file.
    #[error("no keys of the issuer of tokens")]
    Identity(#[from] crate::identity::KeySourceError),
    /// The certificate for TLS cannot be used.
    #[error("no certificate for TLS")]
    Tls(#[from] crate::tls::CertificateError),
    /// A shard's thread panicked.
    #[error("edge thread panicked")]
    ThreadPanicked,
}
