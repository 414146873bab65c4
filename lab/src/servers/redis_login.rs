//! The lab's own client of Redis, for a few commands: encrypted if Redis is.

use std::io;
use std::path::PathBuf;

use millrace::keys::{CertifiedServer, KeysFolder};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use super::tls_stream::encrypt;

/// How the lab talks to Redis as the user of a URL.
#[derive(Debug, Clone)]
pub(crate) struct RedisLogin {
    address: String,
    /// The command by which the user logs in.
    command: String,
    /// The authorities that vouch for the server; `None` without TLS.
    ca_file: Option<PathBuf>,
}

impl RedisLogin {
    pub(crate) fn new(url: &str, ca_file: Option<PathBuf>) -> io::Result<Self> {
        let (_, rest) = url.split_once("://").ok_or(io::ErrorKind::InvalidInput)?;
        let (user, address) = rest.split_once('@').ok_or(io::ErrorKind::InvalidInput)?;
        let (user, password) = user.split_once(':').ok_or(io::ErrorKind::InvalidInput)?;
        let address = address.trim_end_matches('/').to_owned();
        Ok(Self { address, command: format!("AUTH {user} {password}\r\n"), ca_file })
    }

    /// Deletes all keys, as a restart does.
    pub(crate) async fn flush(&self) -> io::Result<()> {
        self.run("FLUSHALL").await
    }

    /// Has Redis use the certificate that is in the folder with the keys now.
    pub(super) async fn renew_certificate(&self, keys: &KeysFolder) -> io::Result<()> {
        let file = keys.server_certificate(CertifiedServer::Redis);
        let file = file.display();
        self.run(&format!("CONFIG SET tls-cert-file {file} tls-key-file {file}")).await
    }

    async fn run(&self, command: &str) -> io::Result<()> {
        let is_done = self.answers(command, "OK").await?;
        if is_done { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
    }

    /// Whether Redis answers `command` as expected.
    pub(super) async fn answers(&self, command: &str, expected: &str) -> io::Result<bool> {
        let request = format!("{}{command}\r\n", self.command);
        let expected = format!("+OK\r\n+{expected}");
        let stream = TcpStream::connect(&self.address).await?;
        let reply = match &self.ca_file {
            Some(ca_file) => {
                exchange(encrypt(stream, ca_file).await?, &request, expected.len()).await
            }
            None => exchange(stream, &request, expected.len()).await,
        };
        Ok(reply? == expected.as_bytes())
    }
}

/// The first bytes of the reply to `request`.
async fn exchange(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    request: &str,
    bytes: usize,
) -> io::Result<Vec<u8>> {
    stream.write_all(request.as_bytes()).await?;
    let mut reply = vec![0; bytes];
    stream.read_exact(&mut reply).await?;
    Ok(reply)
}
