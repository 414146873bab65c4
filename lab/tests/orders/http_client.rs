//! Placing orders over HTTP, as a buyer's checkout does.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::CONTENT_TYPE;
use hyper::{Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use lab::input::OrderRow;
use lab::order_client;
use millrace::ledger::Ledger;
use orders::OrderId;
use serde_json::Value;

use super::test_cluster::{Shop, until};

/// A client that keeps its connections.
pub(crate) struct Http(Client<HttpConnector, Full<Bytes>>);

/// An edge's answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// Whether it says that the order was known before.
    pub(crate) replayed: bool,
    pub(crate) body: Value,
}

impl Default for Http {
    fn default() -> Self {
        Self(Client::builder(TokioExecutor::new()).build_http())
    }
}

impl Http {
    pub(crate) async fn get(&self, url: &str) -> Answer {
        self.send(Request::get(url).body(Full::default()).unwrap()).await
    }

    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        let answer = self.0.request(request).await.unwrap();
        let status = answer.status();
        let replayed = answer.headers().contains_key("idempotent-replayed");
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        Answer { status, replayed, body: serde_json::from_slice(&body).unwrap() }
    }
}

impl Answer {
    /// The order's id with its proof, from a 202.
    pub(crate) fn proven_id(&self) -> &str {
        assert_eq!(self.status, StatusCode::ACCEPTED, "{}", self.body);
        self.body["order_id"].as_str().unwrap()
    }

    /// The order's id, from a 202.
    pub(crate) fn order_id(&self) -> OrderId {
        self.proven_id()[..32].parse().unwrap()
    }
}

impl Shop {
    /// Posts a body to the edge with this number.
    pub(crate) async fn post(&self, edge: usize, key: &str, body: &Value) -> Answer {
        let request = Request::post(format!("{}/v1/orders", self.edges()[edge]))
            .header(CONTENT_TYPE, "application/json")
            .header("Idempotency-Key", key)
            .body(Full::from(body.to_string()))
            .unwrap();
        self.http.send(request).await
    }

    /// Asks the edge with this number for an order to be cancelled.
    pub(crate) async fn cancel(&self, edge: usize, proven_id: &str) -> Answer {
        let url = format!("{}/v1/orders/{proven_id}/cancel", self.edges()[edge]);
        self.http.send(Request::post(url).body(Full::default()).unwrap()).await
    }

    /// Places an order that is accepted.
    pub(crate) async fn place(&self, key: &str, body: &Value) -> OrderId {
        self.post(0, key, body).await.order_id()
    }

    /// Changes how the payment provider behaves, from its next call on.
    pub(crate) async fn provider_behaves(&self, how: &str) {
        let url = format!("{}/control", self.cluster.provider.url());
        let request = Request::post(url)
            .header("Authorization", "Bearer sk_test_shop")
            .body(Full::from(how.to_owned()))
            .unwrap();
        let answer = self.http.send(request).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    }

    /// Places all orders, repeating until each is accepted.
    pub(crate) async fn place_all(&self, rows: &[OrderRow]) -> Vec<OrderId> {
        place_over(self.edges(), rows, &AtomicU64::new(0)).await
    }

    /// The edges' URLs.
    pub(crate) fn edges(&self) -> Vec<String> {
        self.cluster.endpoints().edge_urls
    }

    /// What a buyer is shown of the order with this proven id, as soon as a worker says it in time.
    pub(crate) async fn shown(&self, proven_id: &str) -> Value {
        let url = format!("{}/v1/orders/{proven_id}", self.edges()[0]);
        let mut shown = Value::Null;
        until("the order is shown as it is", async || {
            let answer = self.http.get(&url).await;
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
            shown = answer.body;
            shown["current"] == true
        })
        .await;
        shown
    }
}

/// Places all orders over `edges` while others do with the shop what they will. `accepted` counts
/// the orders that have been accepted so far.
pub(crate) async fn place_over(
    edges: Vec<String>,
    rows: &[OrderRow],
    accepted: &AtomicU64,
) -> Vec<OrderId> {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut ledger = Ledger::create(file.path()).unwrap();
    let answers = order_client::place_all(&edges, rows, accepted, &mut ledger).await.unwrap();
    assert_eq!(answers.refused, BTreeMap::new());
    answers.acknowledged.iter().map(|entry| entry.id().unwrap()).collect()
}
