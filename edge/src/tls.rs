//! TLS of the clients' connections: the certificate that they are shown, which is replaced while the edge runs.

mod certificate;
mod certificate_error;
mod certificate_files;
mod config;
mod served_certificate;

use std::sync::Arc;

use tokio_rustls::rustls::ServerConfig;

pub use certificate_error::CertificateError;
pub use config::TlsConfig;

use certificate_files::CertificateFiles;
use served_certificate::{CertificateReader, ServedCertificate};

/// What ALPN offers, the preferred one first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// The settings of all TLS connections, and what keeps their certificate up to date; `None` if connections are in
/// clear text. A certificate that cannot be used is a mistake.
pub(crate) async fn open(
    config: &TlsConfig,
) -> Result<Option<(Arc<ServerConfig>, CertificateReader)>, CertificateError> {
    let Some(files) = CertificateFiles::of(config) else { return Ok(None) };
    let (served, reader) = ServedCertificate::open(files).await?;
    let mut settings = ServerConfig::builder().with_no_client_auth().with_cert_resolver(served);
    settings.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    Ok(Some((Arc::new(settings), reader)))
}
