//! Orders handed on from stage to stage by the brokers alone: pulled, stored as the next stage's, and
//! acknowledged, with no work in between. For the part of the chain that is the brokers'.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use futures_util::future::try_join_all;
use streams::{Delivery, Layout, Profile, Puller, Relay};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::publishing::{lines, message};

/// Orders in a message: what an edge packs at full load.
const PACKED: usize = 128;
/// Orders that a stage takes at a time, as a worker's step does.
const SET: usize = 512;
/// Messages between the first stage and the last: enough for each stage to have two sets.
const ON_THE_WAY: usize = 32;
/// The last stage's messages are not handed on.
const LAST: usize = Relay::STAGES - 1;

/// Orders carried through all stages a second, for `time`.
pub(super) async fn hand_on(
    urls: &str,
    profile: Profile,
    layout: Layout,
    bodies: &Path,
    time: Duration,
) -> Result<f64> {
    let lines = lines(bodies)?;
    let relay = Relay::create(urls, profile, layout).await?;
    let way = Arc::new(Way { room: Semaphore::new(ON_THE_WAY), ended: AtomicUsize::new(0) });
    let mut stages = JoinSet::new();
    for stage in 0..LAST {
        let puller = relay.puller(stage).await?;
        stages.spawn(carry_on_from(stage, puller, relay.clone(), way.clone()));
    }
    let begun = Instant::now();
    let feed = feed(&relay, &lines, &way);
    tokio::select! {
        never = feed => never?,
        Some(failed) = stages.join_next() => failed??,
        () = sleep_until(begun + time) => {}
    }
    let rate = (way.ended.load(Ordering::Relaxed) * PACKED) as f64 / begun.elapsed().as_secs_f64();
    stages.shutdown().await;
    relay.remove().await?;
    Ok(rate)
}

/// What is on its way.
struct Way {
    /// For messages that may come still.
    room: Semaphore,
    /// Messages that are stored as the last stage's.
    ended: AtomicUsize,
}

/// Stores messages of the first stage, one at a time, while there is room. Never ends by itself.
async fn feed(relay: &Relay, lines: &[Vec<u8>], way: &Way) -> Result<()> {
    for number in 0.. {
        way.room.acquire().await.context("there is no way")?.forget();
        relay.store(0, marked(0, &message(lines, number, PACKED))).await?;
    }
    Ok(())
}

/// Hands on what stands at `stage`. Never ends by itself.
async fn carry_on_from(
    stage: usize,
    mut puller: Puller,
    relay: Relay,
    way: Arc<Way>,
) -> Result<()> {
    loop {
        let set = puller.next(SET).await?;
        let stored = set.iter().map(|delivery| relay.store(stage + 1, next(stage + 1, delivery)));
        let stored = try_join_all(stored).await?.len();
        if stage + 1 == LAST {
            way.ended.fetch_add(stored, Ordering::Relaxed);
            way.room.add_permits(stored);
        }
        for delivery in set {
            delivery.ack().await;
        }
    }
}

/// The message of `stage` with the same orders: the first line tells the stage, for brokers know
/// messages by their bytes.
fn next(stage: usize, delivery: &Delivery) -> Bytes {
    let orders = delivery.records.iter().skip(1).map(|record| &record.line[..]);
    let orders: Vec<&[u8]> = orders.collect();
    marked(stage, &[&orders.join(&b'\n')[..], b"\n"].concat())
}

fn marked(stage: usize, orders: &[u8]) -> Bytes {
    [format!("{stage}\n").as_bytes(), orders].concat().into()
}
