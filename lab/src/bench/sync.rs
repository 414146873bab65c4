//! `sync`: the architecture that Millrace replaces, measured on the same servers. Its rate against the
//! chain's, which is equal work, and the time to its answer against the time to our 202.

use anyhow::{Context, Result, ensure};
use payment_simulator::control;
use streams::Pool;
use workers::SET_RECORDS;
use workers::payment::provider::Limits;

use super::chain::{carry, sustained};
use super::load_run::{Load, closed, open};
use super::notes::Notes;
use super::scene::{CONNECTIONS, REPETITIONS, Scene};
use super::stand::{Shape, Stand};
use crate::load::{Phase, PhaseResult};
use crate::up::{Companion, PROVIDER_READY};

/// How long the provider takes for a call, in milliseconds.
const LATENCIES: [u32; 4] = [0, 50, 200, 1_000];
/// The one that the figures are about.
const USUAL: u32 = 50;
/// The synchronous service needs a connection for each order that waits for the provider: the better
/// one of these counts.
const CONNECTIONS_TRIED: [usize; 2] = [CONNECTIONS, 4 * CONNECTIONS];
/// As many as wait for it keep a slow provider busy.
const PAYMENT_WORKERS: usize = 4;
/// Calls that an order takes.
const CALLS_AN_ORDER: f64 = 2.0;
/// Six sets of orders for each worker: the last of them, when some workers have nothing left to do,
/// weigh little.
const ORDERS_MIN: f64 = (6 * SET_RECORDS * PAYMENT_WORKERS) as f64;
/// For orders that a very slow provider makes wait, few as they are.
const SECONDS_MAX: f64 = 15.0;
const ENVS: [(&str, &str); 2] =
    [("MILLRACE_PROVIDER_TIMEOUT", "4s"), ("MILLRACE_BACKLOG_MAX_AGE", "1d")];

pub(super) async fn run(scene: &Scene, notes: &mut Notes) -> Result<()> {
    let shape = Shape { envs: ENVS.to_vec(), ..Shape::usual(scene.profile()) };
    let shape = shape.with(Pool::Payment, PAYMENT_WORKERS);
    let mut stand = Stand::start(scene, "sync", shape).await?;
    let mut both = Both::start(scene, notes, &mut stand).await?;
    for latency in LATENCIES {
        both.provider(latency).await?;
        for _ in 0..REPETITIONS {
            both.rates(latency).await?;
        }
        if latency == USUAL {
            for _ in 0..REPETITIONS {
                both.answers().await?;
            }
        }
    }
    both.provider(0).await?;
    let done = both.done;
    ensure_all_done(&stand, done).await?;
    stand.end(scene, notes).await?;
    Ok(())
}

/// The synchronous service beside a cluster, each with a provider of its own.
struct Both<'a> {
    scene: &'a Scene,
    notes: &'a mut Notes,
    stand: &'a mut Stand,
    url: String,
    provider_url: String,
    /// Orders that the service said were done.
    done: u64,
}

impl<'a> Both<'a> {
    async fn start(scene: &'a Scene, notes: &'a mut Notes, stand: &'a mut Stand) -> Result<Self> {
        let provider = Companion {
            name: "other-provider",
            role: "provider",
            ready_path: PROVIDER_READY,
            provider_url: None,
        };
        let provider = stand.cluster.beside(&provider).await?;
        let service = Companion {
            name: "synchronous",
            role: "synchronous",
            ready_path: "/",
            provider_url: Some(provider.url()),
        };
        let service = stand.cluster.beside(&service).await?;
        let (url, provider_url) = (service.url().to_owned(), provider.url().to_owned());
        stand.beside.extend([service, provider]);
        Ok(Self { scene, notes, stand, url, provider_url, done: 0 })
    }

    async fn provider(&self, latency: u32) -> Result<()> {
        let form = format!("latency_ms={latency}");
        control(&self.provider_url, &form).await?;
        self.stand.provider(&form).await
    }

    /// The highest rates of both, in turns.
    async fn rates(&mut self, latency: u32) -> Result<()> {
        let mut service = 0.0_f64;
        for connections in CONNECTIONS_TRIED {
            let name = format!("synchronous, provider at {latency} ms, {connections} connections");
            let result = self.post(&name, closed(connections, self.scene.time)).await?;
            service = service.max(result.rate());
        }
        let name = format!("millrace, provider at {latency} ms");
        let ours = self.chain(&name, latency).await?;
        let row = format!("provider at {latency} ms: synchronous ÷ millrace");
        self.notes.row(&row, "ratio", service / ours);
        if latency == USUAL {
            self.notes.figure("sync_50ms_vs_ours", "ratio", service / ours);
        }
        Ok(())
    }

    /// Orders carried to their end a second. Where the provider sets the pace, a few orders are enough
    /// to see it, and many would wait long.
    async fn chain(&mut self, name: &str, latency: u32) -> Result<f64> {
        let Self { scene, notes, stand, .. } = self;
        let small = (name, scene.goods.small.as_path());
        if latency == 0 {
            return Ok(sustained(scene, notes, stand, small).await?.rate);
        }
        let calls_a_second =
            (Limits::default().parallel * PAYMENT_WORKERS) as f64 * 1e3 / f64::from(latency);
        let orders_a_second = calls_a_second / CALLS_AN_ORDER;
        let orders = (orders_a_second * scene.time.as_secs_f64() * 2.0).max(ORDERS_MIN);
        let orders = orders.min(orders_a_second * SECONDS_MAX);
        carry(scene, notes, stand, small, orders as u64).await
    }

    /// The times to an answer of both, under the same load: half of what the service can do.
    async fn answers(&mut self) -> Result<()> {
        let name =
            |connections| format!("synchronous, provider at {USUAL} ms, {connections} connections");
        let rates = CONNECTIONS_TRIED.map(|count| self.notes.median_rate(&name(count)));
        let half = rates.into_iter().fold(1.0, f64::max) / 2.0;
        let phase = open(CONNECTIONS_TRIED[1], half, self.scene.time);
        let theirs = self.post("synchronous, half its highest rate", phase).await?;
        let name = "millrace, the same load";
        let Self { scene, notes, stand, .. } = self;
        let ours = stand.post(scene, notes, &scene.goods.small, (name, phase)).await?;
        notes.result(name, &ours);
        notes.figure("answer_sync_vs_ours", "ratio", theirs.times.p50 / ours.times.p50);
        self.provider(0).await?;
        self.stand.drain().await?;
        self.provider(USUAL).await
    }

    async fn post(&mut self, name: &str, phase: Phase) -> Result<PhaseResult> {
        let Self { scene, notes, stand, url, done, .. } = self;
        let phases = vec![(name.to_owned(), phase)];
        let load = Load { urls: vec![url.clone()], bodies: &scene.goods.small, phases };
        let result = stand.load(scene, notes, load).await?.pop().context("no phase")?;
        notes.result(name, &result);
        *done += result.acknowledged;
        Ok(result)
    }
}

/// The service is measured as honestly only if it did what it said, and no more stock is gone.
async fn ensure_all_done(stand: &Stand, done: u64) -> Result<()> {
    let connection = stand.books.database.connection().await?;
    let row = connection
        .query_one(
            "SELECT (SELECT count(*) FROM synchronous.orders WHERE state = 'fulfilled'),
                 (SELECT coalesce(sum(loaded - on_hand), 0)::bigint FROM synchronous.stock),
                 (SELECT coalesce(sum(line.quantity), 0)::bigint FROM synchronous.orders
                  CROSS JOIN LATERAL json_to_recordset(lines) AS line (quantity bigint)
                  WHERE state <> 'declined')",
            &[],
        )
        .await?;
    let (fulfilled, taken, held) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    let (fulfilled, taken, held): (i64, i64, i64) = (fulfilled, taken, held);
    // An order whose answer came too late to be counted may be done all the same.
    ensure!(fulfilled as u64 >= done, "the synchronous service lost orders: {fulfilled} of {done}");
    ensure!(taken == held, "the synchronous service's stock does not add up: {taken}, {held}");
    Ok(())
}
