//! Where the certificate of an edge is.

use std::path::PathBuf;

use clap::Args;

/// Where the certificate of an edge is.
#[derive(Debug, Clone, Default, Args)]
pub struct TlsConfig {
    /// File with the certificate that clients are shown, and those of the authorities in between, in PEM; without one,
    /// connections are in clear text
    #[arg(long, env = "MILLRACE_TLS_CERTIFICATE", value_name = "FILE", requires = "tls_key")]
    pub tls_certificate: Option<PathBuf>,
    /// File with the secret key of that certificate, in PEM. Both are read again every few seconds
    #[arg(long, env = "MILLRACE_TLS_KEY", value_name = "FILE", requires = "tls_certificate")]
    pub tls_key: Option<PathBuf>,
}
