//! Orders in batches: each connection posts one batch after the other, and reads the answers as they come.

use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use futures_util::future::try_join_all;
use http_body_util::{BodyExt, Full};
use hyper::{Request, header};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use orders::{BodyDigest, OrderId, Timestamp};
use serde::Deserialize;
use tokio::time::Instant;

use crate::load::ack_record::AckRecord;
use crate::order_client::new_key_prefix;

/// Batches in flight: enough that a message fills while another one is stored.
const CONNECTIONS: usize = 8;
/// Orders in a batch: as many as a message holds.
const LINES: usize = streams::batch::RECORDS_MAX;
/// Digits of an order id without its MAC.
const ID_DIGITS: usize = 32;

/// An answer to a line that was accepted.
#[derive(Deserialize)]
struct Answer {
    status: u16,
    order_id: Option<String>,
    body_digest: Option<BodyDigest>,
}

/// Posts batches of `bodies` to the edge at `url` for a time. Returns the acknowledged orders, and how many
/// there were in a second.
pub(super) async fn post_batches(
    url: &str,
    bodies: &Path,
    lasts: Duration,
) -> Result<(f64, Vec<AckRecord>)> {
    let text = std::fs::read_to_string(bodies);
    let text = text.with_context(|| format!("cannot read {}", bodies.display()))?;
    let started = Instant::now();
    let connections = (0..CONNECTIONS).map(|_| post_until(url, &text, started + lasts));
    let acknowledged = try_join_all(connections).await?.concat();
    Ok((acknowledged.len() as f64 / started.elapsed().as_secs_f64(), acknowledged))
}

async fn post_until(url: &str, bodies: &str, end: Instant) -> Result<Vec<AckRecord>> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let (prefix, mut bodies) = (new_key_prefix(), bodies.lines().cycle().enumerate());
    let mut acknowledged = Vec::new();
    while Instant::now() < end {
        let lines = bodies.by_ref().take(LINES).map(|(number, body)| {
            format!("{{\"idempotency_key\":\"{prefix}-{number}\",\"order\":{body}}}\n")
        });
        let body: String = lines.collect();
        let request = Request::post(format!("{url}/v1/orders:batch"))
            .header(header::CONTENT_TYPE, "application/x-ndjson")
            .body(Full::from(body))?;
        let posted_at = Timestamp::from(SystemTime::now());
        let response = client.request(request).await?;
        ensure!(response.status().is_success(), "the batch was refused: {}", response.status());
        let answers = response.into_body().collect().await?.to_bytes();
        let answers = answers.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        for answer in answers {
            acknowledged.extend(record(answer, posted_at)?);
        }
    }
    Ok(acknowledged)
}

/// The record of an order that was acknowledged; `None` if it was not.
fn record(answer: &[u8], posted_at: Timestamp) -> Result<Option<AckRecord>> {
    let Answer { status, order_id, body_digest: digest } =
        serde_json::from_slice(answer).context("an answer is not what it must be")?;
    if status != 202 {
        return Ok(None);
    }
    let id = order_id.as_deref().and_then(|id| id.get(..ID_DIGITS)?.parse::<OrderId>().ok());
    let id = id.context("an acknowledged order has no id")?;
    Ok(Some(AckRecord { id, digest, posted_at }))
}
