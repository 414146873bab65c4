//! Connections of clients to edges, with TLS where their URL says `https`.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use clap::Args;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};
use workers::database::client_config;

/// Connects to an edge.
pub type EdgeConnector = HttpsConnector<HttpConnector>;

/// By which authorities edges with TLS are verified.
#[derive(Debug, Clone, Default, Args)]
pub struct EdgeAuthorities {
    /// File with the authorities that sign the certificates of edges with `https://` URLs, in PEM; without one,
    /// those of the system
    #[arg(long, env = "MILLRACE_EDGE_CA_FILE", value_name = "FILE")]
    pub edge_ca_file: Option<PathBuf>,
}

impl EdgeAuthorities {
    /// What connects to the edges at `urls`.
    ///
    /// # Errors
    /// The certificates of the authorities cannot be read, and a URL needs them.
    pub fn connector(&self, urls: &[String]) -> io::Result<EdgeConnector> {
        let needs_tls = urls.iter().any(|url| url.starts_with("https:"));
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        let builder = HttpsConnectorBuilder::new();
        let builder = match self.edge_ca_file.as_deref().filter(|_| needs_tls) {
            Some(file) => builder.with_tls_config(client_config(file)?),
            None if needs_tls => builder.with_native_roots()?,
            None => builder.with_tls_config(trusting_none()),
        };
        Ok(builder.https_or_http().enable_http1().wrap_connector(http))
    }
}

/// Whether a connection failed because the edge shows a certificate that no authority has signed, or for another host.
/// The next attempt fails, too.
pub fn is_untrusted(error: &(dyn Error + 'static)) -> bool {
    if let Some(rustls::Error::InvalidCertificate(_)) = error.downcast_ref() {
        return true;
    }
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    let cause = wrapped.map(|cause| cause as &(dyn Error + 'static)).or_else(|| error.source());
    cause.is_some_and(is_untrusted)
}

fn trusting_none() -> ClientConfig {
    ClientConfig::builder().with_root_certificates(RootCertStore::empty()).with_no_client_auth()
}
