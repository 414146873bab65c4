//! An HTTP client of the edges: repeats a request with the same key until an edge responds.

use std::io;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, StatusCode, header};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use millrace::edge_connector::{EdgeAuthorities, EdgeConnector};
use millrace::ledger::Acknowledged;
use orders::{BodyDigest, Timestamp};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

/// The title of a refusal if no edge responded in time.
pub const NO_RESPONSE: &str = "no answer";

/// The title of a refusal if the order under the key has another body.
pub const KEY_REUSED: &str = "Idempotency key reused";

/// An edge closes a connection that is idle for 15 s. One that is used just then would fail.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(10);
const RETRY_DELAY: Duration = Duration::from_millis(100);
/// An edge responds within 5 s; one that takes longer hangs.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(6);
const RESPONSE_BYTES_MAX: usize = 64 * 1024;

/// A client of all edges of a cluster. Cheap to clone.
#[derive(Clone)]
pub struct OrderClient {
    http: Client<EdgeConnector, Full<Bytes>>,
    edge_urls: Vec<String>,
    retry_timeout: Duration,
}

/// The result of placing one order.
#[derive(Debug)]
pub enum PlacementResult {
    /// The order was acknowledged; with the time from its first POST to the 202.
    Accepted(Acknowledged, Duration),
    /// The order was not accepted; with the title of the problem.
    Refused(String),
}

impl OrderClient {
    /// A client that repeats requests without a response for `retry_timeout`.
    ///
    /// # Errors
    /// The certificates of `authorities` cannot be read, and an edge has TLS.
    pub fn new(
        edge_urls: &[String],
        authorities: &EdgeAuthorities,
        retry_timeout: Duration,
    ) -> io::Result<Self> {
        let connector = authorities.connector(edge_urls)?;
        let http = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { http, edge_urls: edge_urls.to_vec(), retry_timeout })
    }

    /// A client whose requests are sent once, whatever becomes of their connection.
    ///
    /// # Errors
    /// The same.
    pub fn without_retries(edge_urls: &[String]) -> io::Result<Self> {
        let connector = EdgeAuthorities::default().connector(edge_urls)?;
        let mut builder = Client::builder(TokioExecutor::new());
        let http = builder.retry_canceled_requests(false).pool_idle_timeout(POOL_IDLE_TIMEOUT);
        let http = http.build(connector);
        Ok(Self { http, edge_urls: edge_urls.to_vec(), retry_timeout: Duration::ZERO })
    }

    /// Posts one order once, to the edge with index `edge`. Returns the status of the response, and the
    /// order if it was acknowledged.
    ///
    /// # Errors
    /// The key is not a valid header value, the connection broke, the edge did not respond within
    /// `time_limit`, or its response is invalid.
    pub async fn place_once(
        &self,
        edge: usize,
        key: String,
        body: Bytes,
        time_limit: Duration,
    ) -> Result<(StatusCode, Option<Acknowledged>)> {
        let posted_at = SystemTime::now().into();
        let request = place_request(&self.edge_urls[edge % self.edge_urls.len()], &key, &body)?;
        let (status, response) = timeout(time_limit, self.send(request)).await??;
        let is_accepted = status == StatusCode::ACCEPTED;
        let acknowledged = is_accepted.then(|| acknowledged(key, posted_at, &response));
        Ok((status, acknowledged.transpose()?))
    }

    /// Posts one order to the edge with index `edge`, and to the next ones until one responds.
    ///
    /// # Errors
    /// The key is not a valid header value, or an edge sends an invalid response.
    pub async fn place(&self, edge: usize, key: String, body: Bytes) -> Result<PlacementResult> {
        let posted_at = SystemTime::now().into();
        let started = Instant::now();
        let request = |edge_url: &str| place_request(edge_url, &key, &body);
        Ok(match self.send_until_answered(edge, request).await? {
            Some((StatusCode::ACCEPTED, response)) => {
                let entry = acknowledged(key, posted_at, &response)?;
                PlacementResult::Accepted(entry, started.elapsed())
            }
            Some((_, response)) => PlacementResult::Refused(parse::<ProblemBody>(&response)?.title),
            None => PlacementResult::Refused(NO_RESPONSE.to_owned()),
        })
    }

    /// Requests the cancellation of an order, by the id in its 202. Returns the status of the
    /// response: 202, or 409 if it is too late; `None` if no edge responded in time.
    ///
    /// # Errors
    /// The id is not valid in a URL.
    pub async fn cancel(&self, edge: usize, order_id: &str) -> Result<Option<StatusCode>> {
        let request = |edge_url: &str| {
            Request::post(format!("{edge_url}/v1/orders/{order_id}/cancel"))
                .header("Idempotency-Key", "cancel")
                .body(Full::default())
                .with_context(|| format!("building a request with the order id {order_id}"))
        };
        Ok(self.send_until_answered(edge, request).await?.map(|(status, _)| status))
    }

    /// The status of an order, by the id in its 202; `None` if no edge responded in time or none knows
    /// it.
    ///
    /// # Errors
    /// The id is not valid in a URL, or an edge sends an invalid response.
    pub async fn order(&self, edge: usize, order_id: &str) -> Result<Option<Value>> {
        let request = |edge_url: &str| {
            Request::get(format!("{edge_url}/v1/orders/{order_id}?fields=status"))
                .body(Full::default())
                .with_context(|| format!("building a request with the order id {order_id}"))
        };
        let response = self.send_until_answered(edge, request).await?;
        let found = response.filter(|(status, _)| *status == StatusCode::OK);
        found.map(|(_, response)| parse(&response)).transpose()
    }

    /// Submits a payment of an order that waits for its buyer. Returns the status of the response: 202,
    /// or 409 if no payment is needed; `None` if no edge responded in time.
    ///
    /// # Errors
    /// The id is not valid in a URL.
    pub async fn submit_payment(
        &self,
        edge: usize,
        order_id: &str,
        payment: &Value,
    ) -> Result<Option<StatusCode>> {
        let request = |edge_url: &str| {
            Request::post(format!("{edge_url}/v1/orders/{order_id}/payment"))
                .header(header::CONTENT_TYPE, "application/json")
                .body(Full::from(payment.to_string()))
                .with_context(|| format!("building a request with the order id {order_id}"))
        };
        Ok(self.send_until_answered(edge, request).await?.map(|(status, _)| status))
    }

    /// Approves or denies a payment on the bank's page. A buyer tries once: the bank may be unavailable.
    ///
    /// # Errors
    /// The URL is invalid.
    pub async fn decide(&self, page: &str, approves: bool) -> Result<()> {
        let result = if approves { "result=approve" } else { "result=deny" };
        let request = Request::post(page)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Full::from(result))
            .with_context(|| format!("building a request to {page}"))?;
        if !matches!(timeout(REQUEST_TIMEOUT, self.send(request)).await, Ok(Ok(_))) {
            tracing::debug!(page, "the bank is unavailable");
        }
        Ok(())
    }

    /// Whether any edge says that it accepts orders.
    ///
    /// # Errors
    /// The URL of an edge is invalid.
    pub async fn any_edge_ready(&self) -> Result<bool> {
        for edge_url in &self.edge_urls {
            let request = Request::get(format!("{edge_url}/readyz")).body(Full::default())?;
            let response = timeout(REQUEST_TIMEOUT, self.send(request)).await;
            if matches!(response, Ok(Ok((StatusCode::OK, _)))) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Sends the request to one edge after the other until one responds. A 5xx status or a broken
    /// connection does not count as a response. `None` after the retry timeout.
    async fn send_until_answered(
        &self,
        mut edge: usize,
        request: impl Fn(&str) -> Result<Request<Full<Bytes>>>,
    ) -> Result<Option<(StatusCode, Bytes)>> {
        let deadline = Instant::now() + self.retry_timeout;
        loop {
            let request = request(&self.edge_urls[edge % self.edge_urls.len()])?;
            match timeout(REQUEST_TIMEOUT, self.send(request)).await {
                Ok(Ok((status, response))) if !status.is_server_error() => {
                    return Ok(Some((status, response)));
                }
                _ if Instant::now() > deadline => return Ok(None),
                _ => sleep(RETRY_DELAY).await,
            }
            edge += 1;
        }
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes)> {
        let response = self.http.request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), RESPONSE_BYTES_MAX).collect().await;
        Ok((status, body.map_err(|err| anyhow::anyhow!(err))?.to_bytes()))
    }
}

#[derive(Deserialize)]
struct AcceptedBody {
    order_id: String,
    body_digest: Option<BodyDigest>,
}

#[derive(Deserialize)]
struct ProblemBody {
    title: String,
}

fn place_request(edge_url: &str, key: &str, body: &Bytes) -> Result<Request<Full<Bytes>>> {
    Request::post(format!("{edge_url}/v1/orders"))
        .header(header::CONTENT_TYPE, "application/json")
        .header("Idempotency-Key", key)
        .body(Full::new(body.clone()))
        .with_context(|| format!("building a request with the key {key}"))
}

/// The order that the body of a 202 acknowledges now.
fn acknowledged(key: String, posted_at: Timestamp, response: &[u8]) -> Result<Acknowledged> {
    let AcceptedBody { order_id, body_digest } = parse(response)?;
    Ok(Acknowledged {
        key,
        order_id,
        posted_at_ms: posted_at,
        acknowledged_at_ms: SystemTime::now().into(),
        body_digest,
    })
}

fn parse<'a, T: Deserialize<'a>>(response: &'a [u8]) -> Result<T> {
    serde_json::from_slice(response).context("invalid response from edge")
}
