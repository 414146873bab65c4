//! Orders handed on from stage to stage by the brokers alone: pulled, stored as the next stage's, and
//! acknowledged, with no work in between. For the part of the chain that is the brokers'.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use futures_util::future::try_join_all;
use futures_util::{TryStreamExt, stream};
use streams::{BrokerBaseline, Delivery, Fetcher, Layout, Profile};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use workers::SET_RECORDS;

use super::publishing::{self, lines, message};

/// Orders in a message: what an edge packs at full load. Workers make larger ones of them, so this is
/// no bound of a chain.
const PACKED: usize = 128;
/// Messages of the first stage that are being stored: more gained nothing where they are only stored.
const FEEDING: usize = publishing::PACKED.in_the_air;
/// The part of the time in which the stages fill before what comes out is counted.
const FILLING: u32 = 4;
/// Messages between the first stage and the last: enough for each stage to have two sets.
const ON_THE_WAY: usize = 32;
/// The last stage's messages are not handed on.
const LAST: usize = BrokerBaseline::STAGES - 1;

/// Orders carried through all stages a second, for `time`.
pub(super) async fn hand_on(
    urls: &str,
    profile: Profile,
    layout: Layout,
    bodies: &Path,
    time: Duration,
) -> Result<f64> {
    let lines = lines(bodies)?;
    let yardstick = BrokerBaseline::create(urls, profile, layout).await?;
    let way = Arc::new(Way { room: Semaphore::new(ON_THE_WAY), ended: AtomicUsize::new(0) });
    let mut stages = JoinSet::new();
    for stage in 0..LAST {
        let puller = yardstick.puller(stage).await?;
        stages.spawn(carry_on_from(stage, puller, yardstick.clone(), way.clone()));
    }
    let rate = tokio::select! {
        failed = feed(&yardstick, &lines, &way) => failed?,
        Some(failed) = stages.join_next() => failed??,
        rate = way.rate(time) => rate,
    };
    stages.shutdown().await;
    yardstick.remove().await?;
    Ok(rate)
}

/// What is on its way.
struct Way {
    /// For messages that may come still.
    room: Semaphore,
    /// Messages that are stored as the last stage's.
    ended: AtomicUsize,
}

impl Way {
    /// Orders that come to the last stage a second, once the stages are full.
    async fn rate(&self, time: Duration) -> f64 {
        sleep(time / FILLING).await;
        let (before, begun) = (self.ended.load(Ordering::Relaxed), Instant::now());
        sleep(time).await;
        let messages = self.ended.load(Ordering::Relaxed) - before;
        (messages * PACKED) as f64 / begun.elapsed().as_secs_f64()
    }
}

/// Stores messages of the first stage while there is room. Ends only by an error.
async fn feed<T>(yardstick: &BrokerBaseline, lines: &[Vec<u8>], way: &Way) -> Result<T> {
    let store = async |number| {
        way.room.acquire().await.context("there is no way")?.forget();
        anyhow::Ok(yardstick.store(0, marked(0, &message(lines, number, PACKED))).await?)
    };
    stream::iter((0..).map(Ok)).try_for_each_concurrent(FEEDING, store).await?;
    bail!("there are no numbers left")
}

/// Hands on what stands at `stage`. Ends only by an error.
async fn carry_on_from<T>(
    stage: usize,
    mut puller: Fetcher,
    yardstick: BrokerBaseline,
    way: Arc<Way>,
) -> Result<T> {
    loop {
        let set = puller.next(SET_RECORDS).await?;
        let stored =
            set.iter().map(|delivery| yardstick.store(stage + 1, next(stage + 1, delivery)));
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
