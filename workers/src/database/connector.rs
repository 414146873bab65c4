//! Connects to PostgreSQL, encrypted if its URL says so. The password may be in a file, which is read for each
//! new session: it can be changed while the process runs.

use std::path::PathBuf;

use deadpool_postgres::Connect;
use futures_util::future::BoxFuture;
use thiserror::Error;
use tokio::task::JoinHandle;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, NoTls, Socket};

use super::database_url::{InvalidDatabaseUrl, split};
use super::tls::VerifiedTls;

pub(super) struct Connector {
    /// The file with the password; `None` if it is in the URL.
    pub(super) password_file: Option<PathBuf>,
    /// How the server is verified; `None` if the session is not encrypted.
    pub(super) tls: Option<VerifiedTls>,
}

/// Why a session could not be opened.
#[derive(Debug, Error)]
pub enum SessionError {
    /// The URL is invalid.
    #[error(transparent)]
    Url(#[from] InvalidDatabaseUrl),
    /// The server cannot be reached or verified, or refuses the session.
    #[error("cannot connect to PostgreSQL")]
    Refused(#[from] tokio_postgres::Error),
}

/// Opens one session, and runs it in a task that ends when the client is dropped.
pub async fn connect(url: &str) -> Result<(Client, JoinHandle<()>), SessionError> {
    let (url, tls) = split(url)?;
    let config: Config = url.parse()?;
    Ok(match tls {
        Some(tls) => open(&config, tls).await?,
        None => open(&config, NoTls).await?,
    })
}

async fn open<T>(config: &Config, tls: T) -> Result<(Client, JoinHandle<()>), tokio_postgres::Error>
where
    T: MakeTlsConnect<Socket>,
    T::Stream: Send + 'static,
{
    let (client, connection) = config.connect(tls).await?;
    let run = async {
        if let Err(err) = connection.await {
            tracing::debug!(%err, "connection to PostgreSQL ended");
        }
    };
    Ok((client, tokio::spawn(run)))
}

impl Connect for Connector {
    fn connect(
        &self,
        config: &Config,
    ) -> BoxFuture<'_, Result<(Client, JoinHandle<()>), tokio_postgres::Error>> {
        let mut config = config.clone();
        Box::pin(async move {
            if let Some(file) = &self.password_file {
                match std::fs::read_to_string(file) {
                    Ok(password) => _ = config.password(password.trim_end()),
                    // The server refuses the session, and the next one reads the file again.
                    Err(err) => {
                        tracing::warn!(file = %file.display(), %err, "password file not readable");
                    }
                }
            }
            match self.tls.clone() {
                Some(tls) => open(&config, tls).await,
                None => open(&config, NoTls).await,
            }
        })
    }
}
