//! Encrypted connections of the lab's own clients to servers of this machine.

use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;
use workers::database::client_config;

/// Encrypts a connection to a server whose certificate is signed by an authority of `ca_file`.
///
/// # Errors
/// The file cannot be read, or the server is not the one that it says it is.
pub async fn encrypt(stream: TcpStream, ca_file: &Path) -> io::Result<TlsStream<TcpStream>> {
    let host = ServerName::from(stream.peer_addr()?.ip());
    TlsConnector::from(Arc::new(client_config(ca_file)?)).connect(host, stream).await
}
