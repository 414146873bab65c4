//! Buyers: they post orders to the edges, keep the same key while they repeat, and write down what
//! they were promised.

mod checkout;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use millrace::ledger::{Acknowledged, Ledger};
use rand::RngExt;

use crate::input::OrderRow;
pub use checkout::{NO_ANSWER, OrderClient, PlacementResult};

/// Orders that are posted at the same time: enough for batches to form, as from a busy shop.
const BUYERS: usize = 64;
/// How long a buyer goes on repeating an order that no edge answers.
const PATIENCE: Duration = Duration::from_mins(1);

/// What became of all orders.
#[derive(Debug, Default)]
pub struct PlacementResults {
    /// Every 202.
    pub acknowledged: Vec<Acknowledged>,
    /// How long each 202 took, from the first post of its order.
    pub ack_times: Vec<Duration>,
    /// Orders that were not taken, by the title of the problem.
    pub refused: BTreeMap<String, u64>,
}

/// Posts every order, spread over the edges, under keys that are new with each call. `accepted`
/// counts the 202s, and `ledger` has each of them, as they come.
pub async fn place_all(
    edge_urls: &[String],
    rows: &[OrderRow],
    accepted: &AtomicU64,
    ledger: &mut Ledger,
) -> Result<PlacementResults> {
    let checkout = OrderClient::new(edge_urls, PATIENCE);
    let run = new_run();
    let posts = rows.iter().enumerate().map(|(number, row)| {
        let (checkout, key) = (&checkout, format!("{run}-{}", row.invoice));
        async move { checkout.place(number, key, Bytes::from(row.body())).await }
    });
    let mut answers = PlacementResults::default();
    let mut posts = stream::iter(posts).buffer_unordered(BUYERS);
    while let Some(answer) = posts.next().await {
        match answer? {
            PlacementResult::Accepted(entry, took) => {
                accepted.fetch_add(1, Ordering::Relaxed);
                ledger.write(&entry)?;
                answers.acknowledged.push(entry);
                answers.ack_times.push(took);
            }
            PlacementResult::Refused(title) => *answers.refused.entry(title).or_default() += 1,
        }
    }
    Ok(answers)
}

/// What the keys of a run begin with, so that no key is used by two runs.
pub fn new_run() -> String {
    format!("{:08x}", rand::rng().random::<u32>())
}
