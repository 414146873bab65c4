//! How a process reaches the brokers: where they are, and by which key they know it.

use std::path::PathBuf;

/// The URLs of the brokers, and the key of this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerAccess {
    /// The URLs, separated by commas.
    pub urls: String,
    /// The file with the key; `None` if the brokers ask for none, or for the password in the URLs.
    pub key_file: Option<PathBuf>,
}

impl BrokerAccess {
    /// The access to one of the brokers alone.
    pub(crate) fn to_one(&self, url: &str) -> Self {
        Self { urls: url.to_owned(), key_file: self.key_file.clone() }
    }
}
