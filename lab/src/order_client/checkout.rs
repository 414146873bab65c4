//! A checkout: posts an order until there is an answer about it, under the same key all the while.

use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, StatusCode, header};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use millrace::ledger::Acknowledged;
use serde::Deserialize;
use tokio::time::{Instant, sleep, timeout};

/// The title where no edge gave an answer in time.
pub const NO_ANSWER: &str = "no answer";

const PAUSE: Duration = Duration::from_millis(100);
/// An edge answers within 5 s; one that does not hangs.
const ANSWER_WITHIN: Duration = Duration::from_secs(6);
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// The way to all edges of a cluster. Cheap to clone.
#[derive(Clone)]
pub struct OrderClient {
    client: Client<HttpConnector, Full<Bytes>>,
    edge_urls: Vec<String>,
    patience: Duration,
}

/// What became of an order.
#[derive(Debug)]
pub enum PlacementResult {
    /// It was acknowledged, so long after it was first posted.
    Accepted(Acknowledged, Duration),
    /// It was not taken: the title of the problem.
    Refused(String),
}

impl OrderClient {
    /// A checkout that goes on repeating an order for as long as its `patience` lasts.
    pub fn new(edge_urls: &[String], patience: Duration) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { client, edge_urls: edge_urls.to_vec(), patience }
    }

    /// Posts one order to the edge number `edge`, or the next ones, until there is an answer about
    /// it.
    pub async fn place(&self, edge: usize, key: String, body: Bytes) -> Result<PlacementResult> {
        let (posted_at, begun) = (SystemTime::now().into(), Instant::now());
        let request = |edge_url: &str| {
            Request::post(format!("{edge_url}/v1/orders"))
                .header(header::CONTENT_TYPE, "application/json")
                .header("Idempotency-Key", &key)
                .body(Full::new(body.clone()))
                .with_context(|| format!("the key {key} makes no request"))
        };
        Ok(match self.ask(edge, request).await? {
            Some((StatusCode::ACCEPTED, answer)) => {
                let entry = Acknowledged {
                    key,
                    order_id: read::<Accepted>(&answer)?.order_id,
                    posted_at_ms: posted_at,
                    acknowledged_at_ms: SystemTime::now().into(),
                };
                PlacementResult::Accepted(entry, begun.elapsed())
            }
            Some((_, answer)) => PlacementResult::Refused(read::<Problem>(&answer)?.title),
            None => PlacementResult::Refused(NO_ANSWER.to_owned()),
        })
    }

    /// Asks for an order to be cancelled, by the id that its 202 gave. Tells what was answered:
    /// 202, or 409 where it is too late; `None` where nobody answered.
    pub async fn cancel(&self, edge: usize, order_id: &str) -> Result<Option<StatusCode>> {
        let request = |edge_url: &str| {
            Request::post(format!("{edge_url}/v1/orders/{order_id}/cancel"))
                .body(Full::default())
                .with_context(|| format!("the id {order_id} makes no request"))
        };
        Ok(self.ask(edge, request).await?.map(|(status, _)| status))
    }

    /// Asks one edge after the other until one answers; 503 and a broken connection are no answer.
    async fn ask(
        &self,
        mut edge: usize,
        request: impl Fn(&str) -> Result<Request<Full<Bytes>>>,
    ) -> Result<Option<(StatusCode, Bytes)>> {
        let deadline = Instant::now() + self.patience;
        loop {
            let request = request(&self.edge_urls[edge % self.edge_urls.len()])?;
            match timeout(ANSWER_WITHIN, self.post(request)).await {
                Ok(Ok((status, answer))) if !status.is_server_error() => {
                    return Ok(Some((status, answer)));
                }
                _ if Instant::now() > deadline => return Ok(None),
                _ => sleep(PAUSE).await,
            }
            edge += 1;
        }
    }

    async fn post(&self, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes)> {
        let answer = self.client.request(request).await?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await;
        Ok((status, body.map_err(|err| anyhow::anyhow!(err))?.to_bytes()))
    }
}

#[derive(Deserialize)]
struct Accepted {
    order_id: String,
}

#[derive(Deserialize)]
struct Problem {
    title: String,
}

fn read<'a, T: Deserialize<'a>>(answer: &'a [u8]) -> Result<T> {
    serde_json::from_slice(answer).context("an edge gave an answer that is none")
}
