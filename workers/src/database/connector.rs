//! Connects to PostgreSQL. The password may be in a file, which is read for each new session: it can be changed
//! while the process runs.

use std::path::PathBuf;

use deadpool_postgres::Connect;
use futures_util::future::BoxFuture;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, Error, NoTls};

pub(super) struct Connector {
    /// The file with the password; `None` if it is in the URL.
    pub(super) password_file: Option<PathBuf>,
}

impl Connect for Connector {
    fn connect(&self, config: &Config) -> BoxFuture<'_, Result<(Client, JoinHandle<()>), Error>> {
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
            let (client, connection) = config.connect(NoTls).await?;
            let run = async {
                if let Err(err) = connection.await {
                    tracing::debug!(%err, "connection to PostgreSQL ended");
                }
            };
            Ok((client, tokio::spawn(run)))
        })
    }
}
