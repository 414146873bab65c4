//! Places orders over HTTP, as a checkout does.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::{Request, Response, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use lab::input::OrderRow;
use lab::order_client;
use millrace::edge_connector::EdgeAuthorities;
use millrace::ledger::Ledger;
use orders::OrderId;
use serde_json::Value;

use super::test_cluster::{PROVIDER_KEY, TestCluster, wait_until};
use crate::contract::{Answer, assert_documented};

/// A client that keeps its connections.
pub(crate) struct HttpClient(Client<HttpConnector, Full<Bytes>>);

/// A response with a JSON body.
#[derive(Debug)]
pub(crate) struct HttpResponse {
    pub(crate) status: StatusCode,
    /// Whether the edge says that it has seen the order before.
    pub(crate) replayed: bool,
    pub(crate) body: Value,
}

impl Default for HttpClient {
    fn default() -> Self {
        Self(Client::builder(TokioExecutor::new()).build_http())
    }
}

impl HttpClient {
    pub(crate) async fn get(&self, url: &str) -> HttpResponse {
        self.send(Request::get(url).body(Full::default()).unwrap()).await
    }

    /// The status and the text of a response.
    pub(crate) async fn get_text(&self, url: &str) -> (StatusCode, String) {
        let request = Request::get(url).body(Full::default()).unwrap();
        let response = self.0.request(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    /// A response whose body is read by the caller.
    pub(crate) async fn request(&self, request: Request<Full<Bytes>>) -> Response<Incoming> {
        self.0.request(request).await.unwrap()
    }

    /// The status of a response with any body.
    pub(crate) async fn status_of(&self, request: Request<Full<Bytes>>) -> StatusCode {
        self.0.request(request).await.unwrap().status()
    }

    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> HttpResponse {
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let response = self.0.request(request).await.unwrap();
        let status = response.status();
        let replayed = response.headers().contains_key("idempotent-replayed");
        let headers = response.headers().clone();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let headers = headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
        let (headers, text) = (headers.collect(), str::from_utf8(&body).unwrap());
        let answer = Answer { status: status.as_u16(), headers, body: text };
        assert_documented(method.as_str(), uri.path(), &answer);
        HttpResponse { status, replayed, body: serde_json::from_slice(&body).unwrap() }
    }
}

impl HttpResponse {
    /// The signed order id of a 202.
    pub(crate) fn signed_id(&self) -> &str {
        assert_eq!(self.status, StatusCode::ACCEPTED, "{}", self.body);
        self.body["order_id"].as_str().unwrap()
    }

    /// The order id of a 202, without its MAC.
    pub(crate) fn order_id(&self) -> OrderId {
        self.signed_id()[..32].parse().unwrap()
    }
}

impl TestCluster {
    /// Posts an order to the edge with this index.
    pub(crate) async fn post(&self, edge: usize, key: &str, body: &Value) -> HttpResponse {
        self.post_with(edge, key, body, &[]).await
    }

    /// The same with further headers.
    pub(crate) async fn post_with(
        &self,
        edge: usize,
        key: &str,
        body: &Value,
        headers: &[(&str, &str)],
    ) -> HttpResponse {
        let mut request = Request::post(format!("{}/v1/orders", self.edge_urls()[edge]))
            .header(CONTENT_TYPE, "application/json")
            .header("Idempotency-Key", key);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.http.send(request.body(Full::from(body.to_string())).unwrap()).await
    }

    /// Requests the cancellation of an order from the edge with this index.
    pub(crate) async fn cancel(&self, edge: usize, signed_id: &str) -> HttpResponse {
        let url = format!("{}/v1/orders/{signed_id}/cancel", self.edge_urls()[edge]);
        let request = Request::post(url).header("Idempotency-Key", "cancel");
        self.http.send(request.body(Full::default()).unwrap()).await
    }

    /// Places an order that is answered 202.
    pub(crate) async fn place(&self, key: &str, body: &Value) -> OrderId {
        self.post(0, key, body).await.order_id()
    }

    /// Changes the faults of the payment simulator, from its next call on. `form` is the body of
    /// `POST /control`.
    pub(crate) async fn set_provider_faults(&self, form: &str) {
        let url = format!("{}/control", self.processes.provider.url());
        let request = Request::post(url)
            .header("Authorization", format!("Bearer {PROVIDER_KEY}"))
            .body(Full::from(form.to_owned()))
            .unwrap();
        let response = self.http.send(request).await;
        assert_eq!(response.status, StatusCode::OK, "{}", response.body);
    }

    /// Places all orders, repeating each until it is accepted.
    pub(crate) async fn place_all(&self, rows: &[OrderRow]) -> Vec<OrderId> {
        place_through(self.edge_urls(), rows, &AtomicU64::new(0)).await
    }

    pub(crate) fn edge_urls(&self) -> Vec<String> {
        self.processes.endpoints().edge_urls
    }

    /// The status of an order as a buyer sees it, as soon as it can be read.
    pub(crate) async fn current_status(&self, signed_id: &str) -> Value {
        let url = format!("{}/v1/orders/{signed_id}", self.edge_urls()[0]);
        let mut status = Value::Null;
        wait_until("the order's status is current", async || {
            let response = self.http.get(&url).await;
            let is_known = response.status != StatusCode::SERVICE_UNAVAILABLE;
            assert!(!is_known || response.status == StatusCode::OK, "{}", response.body);
            status = response.body;
            is_known
        })
        .await;
        status
    }
}

/// Places all orders through `edges` while the test disturbs the cluster. `accepted` counts the
/// orders that have been accepted so far.
pub(crate) async fn place_through(
    edges: Vec<String>,
    rows: &[OrderRow],
    accepted: &AtomicU64,
) -> Vec<OrderId> {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut ledger = Ledger::create(file.path()).unwrap();
    let trusted = EdgeAuthorities::default();
    let results = order_client::place_all(&edges, &trusted, rows, accepted, &mut ledger).await;
    let results = results.unwrap();
    assert_eq!(results.refused, BTreeMap::new());
    results.acknowledged.iter().map(|entry| entry.id().unwrap()).collect()
}
