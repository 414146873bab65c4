//! How sessions with PostgreSQL are encrypted.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use tokio_postgres::Socket;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// Connects only to a server whose certificate names its host and is signed by an authority of a file. That is
/// read for each session, so that it can be replaced while the process runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct VerifiedTls {
    pub(super) ca_file: PathBuf,
}

impl MakeTlsConnect<Socket> for VerifiedTls {
    type Stream = <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream;
    type TlsConnect = <MakeRustlsConnect as MakeTlsConnect<Socket>>::TlsConnect;
    type Error = io::Error;

    fn make_tls_connect(&mut self, host: &str) -> io::Result<Self::TlsConnect> {
        let mut connector = MakeRustlsConnect::new(client_config(&self.ca_file)?);
        let Ok(connect) = MakeTlsConnect::<Socket>::make_tls_connect(&mut connector, host);
        Ok(connect)
    }
}

/// The configuration of a client that verifies a server by the authorities of `ca_file`.
///
/// # Errors
/// The file cannot be read, has no certificate, or one that is not valid.
pub fn client_config(ca_file: &Path) -> io::Result<ClientConfig> {
    let unusable = |reason: String| {
        io::Error::new(ErrorKind::InvalidData, format!("{}: {reason}", ca_file.display()))
    };
    let certificates = CertificateDer::pem_file_iter(ca_file);
    let mut roots = RootCertStore::empty();
    for certificate in certificates.map_err(|err| unusable(err.to_string()))? {
        let certificate = certificate.map_err(|err| unusable(err.to_string()))?;
        roots.add(certificate).map_err(|err| unusable(err.to_string()))?;
    }
    if roots.is_empty() {
        return Err(unusable("it has no certificate in PEM".to_owned()));
    }
    Ok(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_certificate_is_named() {
        let error = client_config(Path::new("/dev/null")).unwrap_err();
        assert_eq!(error.to_string(), "/dev/null: it has no certificate in PEM");
    }
}
