//! Orders stored as fast as the brokers take them, one a message or packed: no HTTP, no checks.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use orders::{Created, OrderId, PlaceOrder, Timestamp};
use streams::{BrokerBaseline, Layout, Profile, batch};

/// How orders are stored.
#[derive(Debug, Clone, Copy)]
pub(super) struct Publishing {
    /// Orders in a message.
    pub(super) packed: usize,
    /// Messages in the air: where more gained nothing in measurements.
    pub(super) in_the_air: usize,
}

/// A message for each order.
pub(super) const ONE_BY_ONE: Publishing = Publishing { packed: 1, in_the_air: 1_024 };
/// As many orders in a message as the edge packs at most.
pub(super) const PACKED: Publishing = Publishing { packed: batch::RECORDS_MAX, in_the_air: 4 };

/// Where an order's id stands in its line.
const ID_AT: usize = r#"{"order_id":""#.len();
const ID_DIGITS: usize = 32;

/// Orders stored a second under `profile`, for `time`, of those whose bodies stand in `bodies`. Runs
/// on a thread of its own, as an edge does.
pub(super) async fn publish(
    urls: String,
    profile: Profile,
    bodies: &Path,
    publishing: Publishing,
    time: Duration,
) -> Result<f64> {
    let lines = lines(bodies)?;
    let run = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let yardstick = BrokerBaseline::create(&urls, profile, Layout::OneStream).await?;
            let rate = store_all(&yardstick, &lines, publishing, time).await;
            yardstick.remove().await?;
            rate
        })
    };
    tokio::task::spawn_blocking(run).await.context("the publisher panicked")?
}

async fn store_all(
    yardstick: &BrokerBaseline,
    lines: &[Vec<u8>],
    Publishing { packed, in_the_air }: Publishing,
    time: Duration,
) -> Result<f64> {
    let begun = Instant::now();
    let messages = (0..).take_while(|_| begun.elapsed() < time);
    let stored = messages.map(|number: usize| yardstick.store(0, message(lines, number, packed)));
    let mut stored = stream::iter(stored).buffer_unordered(in_the_air);
    let mut count = 0;
    while let Some(stored) = stored.next().await {
        stored.context("an order was not stored")?;
        count += packed;
    }
    Ok(count as f64 / begun.elapsed().as_secs_f64())
}

/// The message `number`, of orders that no other message has.
pub(super) fn message(lines: &[Vec<u8>], number: usize, packed: usize) -> Bytes {
    let mut message = Vec::new();
    for order in number * packed..(number + 1) * packed {
        let line_at = message.len();
        message.extend_from_slice(&lines[order % lines.len()]);
        let id = format!("{order:032x}");
        message[line_at + ID_AT..][..ID_DIGITS].copy_from_slice(id.as_bytes());
    }
    message.into()
}

/// The lines that an edge would write.
pub(super) fn lines(bodies: &Path) -> Result<Vec<Vec<u8>>> {
    let text = std::fs::read_to_string(bodies).context("the bodies cannot be read")?;
    let line = |body: &str| {
        let order = PlaceOrder::parse(body.as_bytes())?;
        let (id, at) = (OrderId::from_bytes([0; 16]), Timestamp::from_millis(1_700_000_000_000));
        Ok(Created::line(id, at, &order).0)
    };
    text.lines().map(line).collect()
}
