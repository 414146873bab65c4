//! Why an edge has no certificate, or no newer one. It is logged, so it repeats nothing of a file: errors about PEM
//! would, and a key that is on one line is such an error.

use std::io;
use std::path::PathBuf;

use thiserror::Error;
use tokio_rustls::rustls;

/// Why a certificate is not used.
#[derive(Debug, Error)]
pub enum CertificateError {
    /// A file cannot be read, or is larger than any certificate.
    #[error("cannot read {}", .0.display())]
    Read(PathBuf, #[source] io::Error),
    /// The one file is not PEM, or has no certificate.
    #[error("the file with the certificate has none in PEM")]
    NoCertificate,
    /// The other is not PEM, or has no key.
    #[error("the file with the key has none in PEM")]
    NoKey,
    /// The key is of another certificate, or is of no use for TLS.
    #[error("the certificate cannot be used with this key")]
    Unusable(#[source] rustls::Error),
    /// It would replace one that is still valid.
    #[error("the certificate has expired")]
    Expired,
    /// It would replace one that is valid already.
    #[error("the certificate is not valid yet")]
    NotYetValid,
}
