//! Stores orders as fast as the brokers accept them, one or many per message: no HTTP, no
//! validation.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use orders::{Created, OrderId, PlaceOrder, Timestamp};
use streams::{BrokerAccess, BrokerBaseline, Layout, Profile, batch};

/// How orders are published.
#[derive(Debug, Clone, Copy)]
pub(super) struct PublishMode {
    pub(super) orders_per_message: usize,
    /// Messages without an ack at a time: in measurements, more than this gained nothing.
    pub(super) in_flight: usize,
}

/// A message for each order.
pub(super) const UNBATCHED: PublishMode = PublishMode { orders_per_message: 1, in_flight: 1_024 };
/// As many orders per message as the edge batches at most.
pub(super) const BATCHED: PublishMode =
    PublishMode { orders_per_message: batch::RECORDS_MAX, in_flight: 4 };

/// The offset of the order id in a line.
const ID_AT: usize = r#"{"order_id":""#.len();
const ID_DIGITS: usize = 32;

/// Publishes the orders of the file `bodies` under `profile` for `time`, and returns orders stored
/// a second. Runs on a dedicated thread, as an edge does.
pub(super) async fn publish(
    access: BrokerAccess,
    profile: Profile,
    bodies: &Path,
    mode: PublishMode,
    time: Duration,
) -> Result<f64> {
    let lines = lines(bodies)?;
    let run = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let baseline = BrokerBaseline::create(&access, profile, Layout::OneStream).await?;
            let rate = store_all(&baseline, &lines, mode, time).await;
            baseline.remove().await?;
            rate
        })
    };
    tokio::task::spawn_blocking(run).await.context("the publisher panicked")?
}

async fn store_all(
    baseline: &BrokerBaseline,
    lines: &[Vec<u8>],
    PublishMode { orders_per_message, in_flight }: PublishMode,
    time: Duration,
) -> Result<f64> {
    let started = Instant::now();
    let numbers = (0..).take_while(|_| started.elapsed() < time);
    let publishes =
        numbers.map(|number: usize| baseline.store(0, message(lines, number, orders_per_message)));
    let mut acks = stream::iter(publishes).buffer_unordered(in_flight);
    let mut count = 0;
    while let Some(ack) = acks.next().await {
        ack.context("a message was not stored")?;
        count += orders_per_message;
    }
    Ok(count as f64 / started.elapsed().as_secs_f64())
}

/// The message `number`. No two messages contain the same order.
pub(super) fn message(lines: &[Vec<u8>], number: usize, orders_per_message: usize) -> Bytes {
    let mut message = Vec::new();
    for order in number * orders_per_message..(number + 1) * orders_per_message {
        let line_at = message.len();
        message.extend_from_slice(&lines[order % lines.len()]);
        let id = format!("{order:032x}");
        message[line_at + ID_AT..][..ID_DIGITS].copy_from_slice(id.as_bytes());
    }
    message.into()
}

/// The lines that an edge would write for the orders of the file `bodies`.
pub(super) fn lines(bodies: &Path) -> Result<Vec<Vec<u8>>> {
    let text = std::fs::read_to_string(bodies).context("cannot read the request bodies")?;
    let line = |body: &str| {
        let order = PlaceOrder::parse(body.as_bytes())?;
        let id = OrderId::from_bytes([0; 16]);
        let at = Timestamp::from_millis(1_700_000_000_000);
        Ok(Created::line(id, at, &order, None).0)
    };
    text.lines().map(line).collect()
}
