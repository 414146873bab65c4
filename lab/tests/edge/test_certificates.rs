//! An authority of the test's own, and the certificates that it gives an edge.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use edge::TlsConfig;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;
use workers::database::client_config;

use super::test_edge::TestEdge;
use crate::test_servers::TestServers;

/// The files of an edge with TLS, and the authority by which clients verify it.
pub(crate) struct TestCertificates {
    folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl TestCertificates {
    /// With a first certificate.
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let authority = params.self_signed(&key).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let certificates = Self { folder, issuer: Issuer::new(params, key) };
        fs::write(certificates.ca_file(), authority.pem()).unwrap();
        certificates.renew();
        certificates
    }

    /// Replaces certificate and key.
    pub(crate) fn renew(&self) {
        let key = self.replace_key();
        let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        self.write("server.crt", &certificate.pem());
    }

    /// Replaces the key alone, by that of no certificate.
    pub(crate) fn replace_key(&self) -> KeyPair {
        let key = KeyPair::generate().unwrap();
        self.write("server.key", &key.serialize_pem());
        key
    }

    /// Atomic by rename: the edge may read at any time.
    fn write(&self, name: &str, text: &str) {
        let draft = self.folder.path().join("draft");
        fs::write(&draft, text).unwrap();
        fs::rename(draft, self.folder.path().join(name)).unwrap();
    }

    pub(crate) fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.crt")
    }

    /// What an edge is given.
    pub(crate) fn config(&self) -> TlsConfig {
        let file = |name| Some(self.folder.path().join(name));
        TlsConfig { tls_certificate: file("server.crt"), tls_key: file("server.key") }
    }

    /// An edge that has them.
    pub(crate) async fn start_edge(&self) -> TestEdge {
        let servers = TestServers::shared().await;
        let mut config = servers.config(servers.profile);
        config.tls = self.config();
        TestEdge::start(config).await
    }

    /// A connection on which these protocols are offered.
    pub(crate) async fn connect(
        &self,
        address: SocketAddr,
        protocols: &[&str],
    ) -> TlsStream<TcpStream> {
        let mut config = client_config(&self.ca_file()).unwrap();
        config.alpn_protocols = protocols.iter().map(|it| it.as_bytes().to_vec()).collect();
        let stream = TcpStream::connect(address).await.unwrap();
        let host = ServerName::from(address.ip());
        TlsConnector::from(Arc::new(config)).connect(host, stream).await.unwrap()
    }
}

/// The certificate that the server has shown.
pub(crate) fn shown(stream: &TlsStream<TcpStream>) -> Vec<u8> {
    let (_, session) = stream.get_ref();
    session.peer_certificates().unwrap()[0].to_vec()
}
