//! A running payment simulator, and requests to it.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use lab::input::GOOD_CARD;
use payment_simulator::FaultConfig;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use workers::payment::provider::{Intent, Limits, NewIntent, Provider, Refund};

use crate::time_limit::TimeLimit;

/// Longer than any step of these tests takes on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// A payment simulator that runs in the test's process.
pub(crate) struct TestSimulator {
    pub(crate) url: String,
    stop: oneshot::Sender<()>,
    task: JoinHandle<io::Result<()>>,
    _time_limit: TimeLimit,
}

impl TestSimulator {
    pub(crate) async fn start(faults: FaultConfig) -> TestSimulator {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async move { stopped.await.unwrap_or(()) };
        let task = tokio::spawn(payment_simulator::run(listener, faults, shutdown));
        TestSimulator { url, stop, task, _time_limit: TimeLimit::start() }
    }

    /// A client whose timeout is [`DEADLINE`].
    pub(crate) fn client(&self) -> Provider {
        client(&self.url, Limits { attempt_timeout: DEADLINE, ..Limits::default() })
    }

    /// A client with a timeout of 200 ms, for calls that hang.
    pub(crate) fn client_with_short_timeout(&self) -> Provider {
        client(
            &self.url,
            Limits { attempt_timeout: Duration::from_millis(200), ..Limits::default() },
        )
    }

    /// Sends a request with a plain HTTP client.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        form: &str,
        key: Option<&str>,
    ) -> RawResponse {
        self.try_send(method, path, form, key).await.unwrap()
    }

    /// The same; `None` if the connection is closed without a response.
    pub(crate) async fn try_send(
        &self,
        method: &str,
        path: &str,
        form: &str,
        key: Option<&str>,
    ) -> Option<RawResponse> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .header("authorization", "Bearer sk_test_raw");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let request = request.body(Full::new(Bytes::from(form.to_owned()))).unwrap();
        let http = Client::builder(TokioExecutor::new()).build_http();
        let response = timeout(DEADLINE, http.request(request)).await.unwrap().ok()?;
        let header = |name| response.headers().get(name)?.to_str().map(str::to_owned).ok();
        let (replayed, retry_after) =
            (header("idempotent-replayed").is_some(), header("retry-after"));
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        Some(RawResponse { status, replayed, retry_after, body })
    }

    /// Creates an intent for `card` and confirms it.
    pub(crate) async fn pay(&self, card: &str) -> Value {
        let form = format!("amount=1250&currency=gbp&payment_method={card}&confirm=true");
        self.send("POST", "/v1/payment_intents", &form, None).await.json()
    }

    pub(crate) async fn confirm(&self, intent: &str, form: &str) -> RawResponse {
        let path = format!("/v1/payment_intents/{intent}/confirm");
        self.send("POST", &path, form, None).await
    }

    /// The intent as it is now.
    pub(crate) async fn intent(&self, id: &str) -> Value {
        self.send("GET", &format!("/v1/payment_intents/{id}"), "", None).await.json()
    }

    /// Sends what a buyer's browser sends: a request without authorization.
    pub(crate) async fn browse(&self, method: &str, path: &str, form: &str) -> Page {
        let request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        let request = request.body(Full::new(Bytes::from(form.to_owned()))).unwrap();
        let http = Client::builder(TokioExecutor::new()).build_http();
        let response = timeout(DEADLINE, http.request(request)).await.unwrap().unwrap();
        let status = response.status();
        assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        Page { status, html: String::from_utf8(body.into()).unwrap() }
    }

    /// Sets the simulator's faults.
    pub(crate) async fn control(&self, form: &str) {
        assert_eq!(self.send("POST", "/control", form, None).await.status, StatusCode::OK);
    }

    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        timeout(DEADLINE, self.task).await.unwrap().unwrap().unwrap();
    }
}

/// A page as a browser receives it.
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) html: String,
}

/// A response as it was received.
pub(crate) struct RawResponse {
    pub(crate) status: StatusCode,
    pub(crate) replayed: bool,
    pub(crate) retry_after: Option<String>,
    pub(crate) body: Bytes,
}

impl RawResponse {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

pub(crate) fn client(url: &str, limits: Limits) -> Provider {
    Provider::new(url, "sk_test_secret", limits).unwrap()
}

/// An intent for `order`, with a good card unless there is a token.
pub(crate) async fn create(client: &Provider, token: Option<&str>, order: &str) -> Intent {
    let payment_method = token.or(Some(GOOD_CARD));
    let new = NewIntent { order, amount: 1250, currency: "GBP", payment_method };
    client.create_intent(&new, &format!("{order}/intent")).await.unwrap()
}

pub(crate) async fn all_intents(client: &Provider) -> Vec<Intent> {
    let mut all: Vec<Intent> = Vec::new();
    loop {
        let page = client.list_intents(all.last().map(|intent| intent.id.as_str())).await.unwrap();
        all.extend(page.data);
        if !page.has_more {
            return all;
        }
    }
}

pub(crate) async fn all_refunds(client: &Provider) -> Vec<Refund> {
    let page = client.list_refunds(None).await.unwrap();
    assert!(!page.has_more);
    page.data
}
