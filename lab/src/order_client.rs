//! A simulated client: posts orders to the edges, retries with the same idempotency key, and
//! records every 202.

mod client;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use millrace::edge_connector::EdgeAuthorities;
use millrace::ledger::{Acknowledged, Ledger};
use rand::RngExt;

use crate::input::OrderRow;
pub use client::{KEY_REUSED, NO_RESPONSE, OrderClient, PlacementResult};

/// Concurrent requests: enough for batches to form, as under production load.
const CONCURRENCY: usize = 64;
/// How long an order without a response is retried.
const RETRY_TIMEOUT: Duration = Duration::from_mins(1);

/// The results of all orders of a run.
#[derive(Debug, Default)]
pub struct PlacementResults {
    /// The orders answered with 202.
    pub acknowledged: Vec<Acknowledged>,
    /// The time from the first POST of each of these orders to its 202.
    pub ack_times: Vec<Duration>,
    /// The number of orders that were not accepted, by the title of the problem.
    pub refused: BTreeMap<String, u64>,
}

/// Posts every order, distributed over the edges, under keys that are new in each call. Each 202 is
/// counted in `accepted` and written to `ledger` as it arrives.
///
/// # Errors
/// The ledger cannot be written, an edge with TLS cannot be verified, or an edge sends an invalid response.
pub async fn place_all(
    edge_urls: &[String],
    authorities: &EdgeAuthorities,
    rows: &[OrderRow],
    accepted: &AtomicU64,
    ledger: &mut Ledger,
) -> Result<PlacementResults> {
    let client = OrderClient::new(edge_urls, authorities, RETRY_TIMEOUT)?;
    let run = new_key_prefix();
    let posts = rows.iter().enumerate().map(|(number, row)| {
        let (client, key) = (&client, format!("{run}-{}", row.invoice));
        async move { client.place(number, key, Bytes::from(row.body())).await }
    });
    let mut results = PlacementResults::default();
    let mut posts = stream::iter(posts).buffer_unordered(CONCURRENCY);
    while let Some(result) = posts.next().await {
        match result? {
            PlacementResult::Accepted(entry, took) => {
                accepted.fetch_add(1, Ordering::Relaxed);
                ledger.write(&entry)?;
                results.acknowledged.push(entry);
                results.ack_times.push(took);
            }
            PlacementResult::Refused(title) => *results.refused.entry(title).or_default() += 1,
        }
    }
    Ok(results)
}

/// A random prefix for the keys of one run, so that two runs never use the same key.
pub fn new_key_prefix() -> String {
    format!("{:08x}", rand::rng().random::<u32>())
}
