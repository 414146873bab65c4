//! A receiver of webhooks, which verifies each signature by its own computation.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::test_simulator::DEADLINE;

pub(crate) const SECRET: &str = "whsec_of_the_test";

/// Receives webhooks in the test's process.
pub(crate) struct WebhookReceiver {
    pub(crate) url: String,
    events: mpsc::UnboundedReceiver<Value>,
    _server: JoinSet<()>,
}

impl WebhookReceiver {
    /// Answers the first `failures` requests with a 500.
    pub(crate) async fn start(failures: usize) -> WebhookReceiver {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks?from=stripe", listener.local_addr().unwrap());
        let (sender, events) = mpsc::unbounded_channel();
        let mut server = JoinSet::new();
        server.spawn(serve(listener, sender, failures));
        WebhookReceiver { url, events, _server: server }
    }

    /// The next event.
    pub(crate) async fn next(&mut self) -> Value {
        timeout(DEADLINE, self.events.recv()).await.unwrap().unwrap()
    }

    /// The next event's type and the status of its intent.
    pub(crate) async fn next_change(&mut self) -> (String, String) {
        let event = self.next().await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&event["type"]), text(&event["data"]["object"]["status"]))
    }
}

async fn serve(listener: TcpListener, events: mpsc::UnboundedSender<Value>, failures: usize) {
    let failures = Arc::new(Mutex::new(failures));
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (events, failures) = (events.clone(), Arc::clone(&failures));
        let service = service_fn(move |request| {
            let (events, failures) = (events.clone(), Arc::clone(&failures));
            async move {
                let event = verified(request).await;
                let mut left = failures.lock().unwrap();
                let mut response = Response::new(Empty::<Bytes>::new());
                if *left > 0 {
                    *left -= 1;
                    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                } else {
                    events.send(event).unwrap();
                }
                Ok::<_, Infallible>(response)
            }
        });
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        connections.spawn(async move { connection.await.unwrap_or(()) });
    }
}

/// The event in a request whose signature is right.
async fn verified(request: Request<Incoming>) -> Value {
    assert_eq!((request.method(), request.uri().path()), (&Method::POST, "/hooks"));
    assert_eq!(request.uri().query(), Some("from=stripe"));
    assert_eq!(request.headers()["content-type"], "application/json");
    let header = request.headers()["stripe-signature"].to_str().unwrap().to_owned();
    let (time, signature) = header.strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    assert!(now.abs_diff(time.parse().unwrap()) < 300, "{time}");
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let signed = [time.as_bytes(), b".", &body].concat();
    assert_eq!(signature, hmac_sha256(SECRET.as_bytes(), &signed));
    serde_json::from_slice(&body).unwrap()
}

/// HMAC by its definition (RFC 2104), for a key of up to 64 bytes, in hexadecimal digits.
fn hmac_sha256(key: &[u8], message: &[u8]) -> String {
    let padded = |pad: u8| -> Vec<u8> {
        (0..64).map(|index| key.get(index).copied().unwrap_or(0) ^ pad).collect()
    };
    let inner = Sha256::digest([padded(0x36), message.to_vec()].concat());
    let outer = Sha256::digest([padded(0x5c), inner.to_vec()].concat());
    outer.iter().fold(String::new(), |digits, byte| format!("{digits}{byte:02x}"))
}

#[test]
fn the_computation_of_the_receiver_is_that_of_rfc_4231() {
    let mac = hmac_sha256(b"Jefe", b"what do ya want for nothing?");
    assert_eq!(mac, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}
