//! How a process reaches the brokers: where they are, how it knows them, and by which key they know it.

use std::path::PathBuf;

/// The URLs of the brokers, the authority that vouches for them, and the key of this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerAccess {
    /// The URLs, separated by commas.
    pub urls: String,
    /// The file with the key; `None` if the brokers ask for none, or for the password in the URLs.
    pub key_file: Option<PathBuf>,
    /// The file with the certificates of the authorities that sign those of the brokers. With it, connections are
    /// encrypted and brokers verified; without it, brokers that ask for TLS are verified by the system's authorities.
    pub ca_file: Option<PathBuf>,
}

impl BrokerAccess {
    /// The access to one of the brokers alone.
    pub(crate) fn to_one(&self, url: &str) -> Self {
        Self { urls: url.to_owned(), ..self.clone() }
    }
}
