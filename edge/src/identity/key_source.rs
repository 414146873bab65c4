//! Where the keys of an issuer are read.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::{StatusCode, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use thiserror::Error;
use tokio::time::timeout;

use super::key_set::InvalidKeySet;
use crate::limits::{TOKEN_KEYS_BYTES_MAX, TOKEN_KEYS_TIMEOUT};

/// A file, or the URL that an issuer publishes.
pub(super) enum KeySource {
    File(PathBuf),
    Url { url: Uri, client: Box<Client<HttpsConnector<HttpConnector>, Empty<Bytes>>> },
}

/// Why there are no keys, or no newer ones.
#[derive(Debug, Error)]
pub enum KeySourceError {
    /// The file cannot be read, or is larger than a set of keys may be.
    #[error("cannot read {}", .0.display())]
    File(PathBuf, #[source] io::Error),
    /// The system's root certificates cannot be read.
    #[error("cannot load the root certificates")]
    Certificates(#[source] io::Error),
    /// The issuer does not answer.
    #[error("the issuer does not answer")]
    Unreachable(#[source] hyper_util::client::legacy::Error),
    /// It does not answer in time.
    #[error("the issuer does not answer within {} s", TOKEN_KEYS_TIMEOUT.as_secs())]
    TimedOut,
    /// It answers with something else.
    #[error("the issuer answers with status {0}")]
    Status(StatusCode),
    /// Its answer ends early, or is larger than a set of keys may be.
    #[error("the answer of the issuer is cut, or larger than {TOKEN_KEYS_BYTES_MAX} bytes")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It is not a set of keys.
    #[error(transparent)]
    Invalid(#[from] InvalidKeySet),
    /// No key in it can verify a token.
    #[error("the JWK set has no public key for RS256, ES256 or EdDSA with Ed25519")]
    NoKey,
    /// There is neither a file nor a URL.
    #[error("neither a file with keys nor a URL is configured")]
    Unconfigured,
}

impl KeySource {
    pub(super) fn of_url(url: Uri) -> Result<Self, KeySourceError> {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        let connector = HttpsConnectorBuilder::new()
            .with_native_roots()
            .map_err(KeySourceError::Certificates)?
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let mut client = Client::builder(TokioExecutor::new());
        // Keys are asked for minutes apart.
        client.pool_max_idle_per_host(0);
        Ok(Self::Url { url, client: Box::new(client.build(connector)) })
    }

    /// The set of keys, as it is now.
    pub(super) async fn read(&self) -> Result<Bytes, KeySourceError> {
        match self {
            Self::File(file) => {
                let read = read_file(file.clone()).await;
                read.map_err(|source| KeySourceError::File(file.clone(), source))
            }
            Self::Url { url, client } => {
                let exchange = exchange(client, url.clone());
                timeout(TOKEN_KEYS_TIMEOUT, exchange).await.unwrap_or(Err(KeySourceError::TimedOut))
            }
        }
    }

    /// How long keys are used before they are read again. A file is of this machine.
    pub(super) const fn refresh_interval(&self) -> Duration {
        match self {
            Self::File(_) => crate::limits::TOKEN_KEYS_FILE_INTERVAL,
            Self::Url { .. } => crate::limits::TOKEN_KEYS_REFRESH_INTERVAL,
        }
    }
}

async fn read_file(file: PathBuf) -> io::Result<Bytes> {
    let read = move || {
        if std::fs::metadata(&file)?.len() > TOKEN_KEYS_BYTES_MAX as u64 {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than a set of keys"));
        }
        std::fs::read(&file).map(Bytes::from)
    };
    tokio::task::spawn_blocking(read).await.map_err(io::Error::other)?
}

async fn exchange(
    client: &Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    url: Uri,
) -> Result<Bytes, KeySourceError> {
    let response = client.get(url).await.map_err(KeySourceError::Unreachable)?;
    if response.status() != StatusCode::OK {
        return Err(KeySourceError::Status(response.status()));
    }
    let body = Limited::new(response.into_body(), TOKEN_KEYS_BYTES_MAX).collect().await;
    Ok(body.map_err(KeySourceError::Body)?.to_bytes())
}
