//! An issuer of tokens: its keys over HTTP, and the tokens that it signs.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use edge::{Scope, TOKEN_PARTY_DEFAULT, TokenClaims, TokenSigner};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Response, Uri};
use hyper_util::rt::TokioIo;
use orders::CallerName;
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A running issuer. It stops when it is dropped.
pub(crate) struct TestIssuer {
    address: SocketAddr,
    keys: Arc<Mutex<Value>>,
    reads: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl TestIssuer {
    /// An issuer with the keys with these seeds, on a free port or a port that it had before.
    pub(crate) async fn start(port: u16, seeds: &[u8]) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (keys, reads) = (Arc::new(Mutex::new(key_set(seeds))), Arc::new(AtomicUsize::new(0)));
        let task = tokio::spawn(serve(listener, keys.clone(), reads.clone()));
        Self { address, keys, reads, task }
    }

    pub(crate) fn url(&self) -> Uri {
        format!("http://{}/jwks.json", self.address).parse().unwrap()
    }

    pub(crate) const fn port(&self) -> u16 {
        self.address.port()
    }

    /// Replaces its keys.
    pub(crate) fn set_keys(&self, seeds: &[u8]) {
        *self.keys.lock().unwrap() = key_set(seeds);
    }

    /// How often its keys were read.
    pub(crate) fn reads(&self) -> usize {
        self.reads.load(Ordering::Relaxed)
    }
}

impl Drop for TestIssuer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, keys: Arc<Mutex<Value>>, reads: Arc<AtomicUsize>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let respond = service_fn(|_| {
            reads.fetch_add(1, Ordering::Relaxed);
            let body = Full::new(Bytes::from(keys.lock().unwrap().to_string()));
            async { Ok::<_, Infallible>(Response::new(body)) }
        });
        let mut protocol = http1::Builder::new();
        // One connection after the other: an edge closes each.
        protocol.keep_alive(false).serve_connection(TokioIo::new(stream), respond).await.ok();
    }
}

/// A file with the public keys of these seeds.
pub(crate) fn key_file(seeds: &[u8]) -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), key_set(seeds).to_string()).unwrap();
    file
}

/// The public keys with these seeds.
pub(crate) fn key_set(seeds: &[u8]) -> Value {
    let keys: Vec<_> = seeds.iter().map(|seed| signer(*seed).public_jwk()).collect();
    json!({"keys": keys})
}

fn signer(seed: u8) -> TokenSigner {
    TokenSigner::new([seed; 32])
}

/// A token that the key with this seed has signed.
pub(crate) fn token(seed: u8, subject: &str, scopes: &[Scope]) -> String {
    let subject: CallerName = subject.parse().unwrap();
    signer(seed).sign(&TokenClaims {
        subject: &subject,
        scopes,
        issuer: TOKEN_PARTY_DEFAULT,
        audience: TOKEN_PARTY_DEFAULT,
        lifetime: Duration::from_mins(10),
    })
}
