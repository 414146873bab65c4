//! Orders relayed from stage to stage by the brokers alone: pulled, stored as messages of the next
//! stage, and acknowledged, with no work in between. Measures the brokers' part of the pipeline.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use futures_util::future::try_join_all;
use futures_util::{TryStreamExt, stream};
use streams::{BrokerAccess, BrokerBaseline, Delivery, Fetcher, Layout, Profile};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use workers::SET_RECORDS;

use super::broker_baseline::{BATCHED, lines, message};

/// What an edge batches at full load. Workers form larger messages, so this does not limit a
/// pipeline.
const ORDERS_PER_MESSAGE: usize = 128;
/// Messages of the first stage that are published concurrently: more gained nothing when publishing
/// only.
const PUBLISH_CONCURRENCY: usize = BATCHED.in_flight;
/// The stages fill for this fraction of the time, a quarter, before the output is counted.
const WARMUP_DIVISOR: u32 = 4;
/// Messages between the first stage and the last: enough for each stage to have two sets.
const IN_FLIGHT_MAX: usize = 32;
/// The last stage, whose messages are not relayed.
const LAST_STAGE: usize = BrokerBaseline::STAGES - 1;

/// Runs the pipeline for `time` and returns orders relayed through all stages per second.
pub(super) async fn measure_pipeline(
    access: &BrokerAccess,
    profile: Profile,
    layout: Layout,
    bodies: &Path,
    time: Duration,
) -> Result<f64> {
    let lines = lines(bodies)?;
    let baseline = BrokerBaseline::create(access, profile, layout).await?;
    let window = Arc::new(InFlightWindow {
        capacity: Semaphore::new(IN_FLIGHT_MAX),
        completed: AtomicUsize::new(0),
    });
    let mut stages = JoinSet::new();
    for stage in 0..LAST_STAGE {
        let fetcher = baseline.puller(stage).await?;
        stages.spawn(relay_stage(stage, fetcher, baseline.clone(), window.clone()));
    }
    let rate = tokio::select! {
        failed = publish_loop(&baseline, &lines, &window) => failed?,
        Some(failed) = stages.join_next() => failed??,
        rate = window.rate(time) => rate,
    };
    stages.shutdown().await;
    baseline.remove().await?;
    Ok(rate)
}

/// Bounds the messages in flight and counts the completed ones.
struct InFlightWindow {
    /// A permit for each message that may still be published.
    capacity: Semaphore,
    /// Messages stored as messages of the last stage.
    completed: AtomicUsize,
}

impl InFlightWindow {
    /// Orders that reach the last stage per second, measured once the stages are full.
    async fn rate(&self, time: Duration) -> f64 {
        sleep(time / WARMUP_DIVISOR).await;
        let before = self.completed.load(Ordering::Relaxed);
        let started = Instant::now();
        sleep(time).await;
        let messages = self.completed.load(Ordering::Relaxed) - before;
        (messages * ORDERS_PER_MESSAGE) as f64 / started.elapsed().as_secs_f64()
    }
}

/// Publishes messages of the first stage while the window has capacity. Returns only on error.
async fn publish_loop<T>(
    baseline: &BrokerBaseline,
    lines: &[Vec<u8>],
    window: &InFlightWindow,
) -> Result<T> {
    let publish = async |number| {
        window.capacity.acquire().await.context("the in-flight window is closed")?.forget();
        let message = with_stage_line(0, &message(lines, number, ORDERS_PER_MESSAGE));
        anyhow::Ok(baseline.store(0, message).await?)
    };
    stream::iter((0..).map(Ok)).try_for_each_concurrent(PUBLISH_CONCURRENCY, publish).await?;
    bail!("message numbers are exhausted")
}

/// Relays messages from `stage` to the next one. Returns only on error.
async fn relay_stage<T>(
    stage: usize,
    mut fetcher: Fetcher,
    baseline: BrokerBaseline,
    window: Arc<InFlightWindow>,
) -> Result<T> {
    loop {
        let set = fetcher.next(SET_RECORDS).await?;
        let publishes = set
            .iter()
            .map(|delivery| baseline.store(stage + 1, message_for_stage(stage + 1, delivery)));
        let stored = try_join_all(publishes).await?.len();
        if stage + 1 == LAST_STAGE {
            window.completed.fetch_add(stored, Ordering::Relaxed);
            window.capacity.add_permits(stored);
        }
        for delivery in set {
            delivery.ack().await;
        }
    }
}

/// The message of `stage` with the same orders.
fn message_for_stage(stage: usize, delivery: &Delivery) -> Bytes {
    let orders = delivery.records.iter().skip(1).map(|record| &record.line[..]);
    let orders: Vec<&[u8]> = orders.collect();
    with_stage_line(stage, &[&orders.join(&b'\n')[..], b"\n"].concat())
}

/// Puts a first line with the stage before `orders`, because brokers de-duplicate messages by a
/// hash of their bytes.
fn with_stage_line(stage: usize, orders: &[u8]) -> Bytes {
    [format!("{stage}\n").as_bytes(), orders].concat().into()
}
