//! `stock`: reads of stock by one edge, while Redis has what is asked for, is emptied all the time, or is
//! down; how long a sale takes to show; and what reads cost intake.

mod database_lookups;
mod intake;
mod sale;

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::time::sleep;

use database_lookups::DatabaseLookups;
use sale::time_until_shown;

use super::cluster::{BenchCluster, ClusterSpec};
use super::context::{BenchContext, CONNECTIONS, REPETITIONS};
use super::load_run::{Load, closed};
use super::measurements::Measurements;
use crate::load::{Phase, PhaseResult, Requests};
use crate::servers::RedisLogin;

/// SKUs in a read of several: a page of a catalogue.
const PAGE: usize = 20;
/// SKUs that most buyers look at.
const POPULAR: usize = 100;
/// Distinct reads of random SKUs; then the cycle starts again.
const RANDOM_READS: usize = 8_192;
/// How often Redis is emptied to be cold: what it keeps for this long is not worth a read.
const FLUSH_INTERVAL: Duration = Duration::from_millis(5);

/// What is read.
struct Reads {
    name: &'static str,
    skus: usize,
    paths: PathBuf,
}

struct StockBench<'a> {
    context: &'a BenchContext,
    measurements: &'a mut Measurements,
    cluster: &'a mut BenchCluster,
    lookups: DatabaseLookups,
    /// All reads are of one SKU.
    hot: Reads,
    /// Each read is of one SKU out of a hundred.
    popular: Reads,
    /// Each read is of one SKU out of 10,000.
    random: Reads,
    /// Each read is of twenty of them.
    page: Reads,
}

pub(super) async fn run(context: &BenchContext, measurements: &mut Measurements) -> Result<()> {
    let spec = ClusterSpec::default_for(context.profile());
    let mut cluster = BenchCluster::start(context, "stock", spec).await?;
    let reads = |name, skus, paths| {
        let paths = context.dataset.stock_paths(skus, paths)?;
        anyhow::Ok(Reads { name, skus, paths })
    };
    let mut bench = StockBench {
        context,
        measurements,
        lookups: DatabaseLookups::count(&cluster.sources.connection).await?,
        cluster: &mut cluster,
        hot: reads("one hot SKU", 1, 1)?,
        popular: reads("one popular SKU", 1, POPULAR)?,
        random: reads("one random SKU", 1, RANDOM_READS)?,
        page: reads("twenty random SKUs", PAGE, RANDOM_READS)?,
    };
    bench.warm_up().await?;
    for _ in 0..REPETITIONS {
        bench.warm().await?;
        bench.sale().await?;
        bench.cold().await?;
        bench.intake().await?;
        bench.away().await?;
    }
    cluster.finish(context, measurements).await?;
    Ok(())
}

impl StockBench<'_> {
    async fn warm_up(&mut self) -> Result<()> {
        let phase = closed(CONNECTIONS, self.context.side_time());
        for urls in [self.cluster.edge_urls(), vec![self.cluster.http_baseline_url().await?]] {
            self.request(urls, &self.random.paths.clone(), ("", phase)).await?;
        }
        Ok(())
    }

    /// Reads of what Redis has, and of the bare server.
    async fn warm(&mut self) -> Result<()> {
        let phase = closed(CONNECTIONS, self.context.time);
        let bare = vec![self.cluster.http_baseline_url().await?];
        let http = self.request(bare, &self.hot.paths.clone(), ("bare HTTP, GET", phase)).await?;
        self.measurements.add_row("bare HTTP, GET", "responses/s", http.rate());
        let hot = self.read("warm", |bench| &bench.hot, phase).await?;
        self.measurements.add_figure("stock_warm_vs_http", "ratio", hot / http.rate());
        self.read_aside("warm", |bench| &bench.popular).await?;
        self.read_aside("warm", |bench| &bench.random).await?;
        self.read_aside("warm", |bench| &bench.page).await
    }

    /// Reads while Redis is emptied all the time.
    async fn cold(&mut self) -> Result<()> {
        let redis = self.cluster.inner.servers.redis_login()?;
        let reads = async {
            self.read_aside("cold", |bench| &bench.random).await?;
            self.read_aside("cold", |bench| &bench.page).await
        };
        tokio::select! {
            read = reads => read,
            flushed = keep_empty(&redis) => flushed.map(|never| match never {}),
        }
    }

    /// Reads while Redis is down.
    async fn away(&mut self) -> Result<()> {
        self.cluster.inner.servers.redis.kill().await?;
        self.read_aside("away", |bench| &bench.hot).await?;
        self.read_aside("away", |bench| &bench.random).await?;
        self.read_aside("away", |bench| &bench.page).await?;
        Ok(self.cluster.inner.servers.redis.start().await?)
    }

    /// The longest time until a sale shows.
    async fn sale(&mut self) -> Result<()> {
        self.context.report_progress("stock: a sale");
        let url = &self.cluster.edge_urls()[0];
        let seconds = time_until_shown(url, &self.cluster.sources.database).await?;
        self.measurements.add_row("a sale shows after, at most", "s", seconds);
        Ok(())
    }

    async fn read_aside(&mut self, redis: &str, reads: fn(&Self) -> &Reads) -> Result<()> {
        let phase = closed(CONNECTIONS, self.context.side_time());
        self.read(redis, reads, phase).await.map(drop)
    }

    /// Reads from the edge in one phase, and returns the rate. `redis` is the state that Redis is in.
    async fn read(&mut self, redis: &str, reads: fn(&Self) -> &Reads, phase: Phase) -> Result<f64> {
        let Reads { name, skus, ref paths } = *reads(self);
        let (paths, name) = (paths.clone(), format!("{redis}, {name}"));
        let looked_up = self.lookups.so_far();
        let result = self.request(self.cluster.edge_urls(), &paths, (&name, phase)).await?;
        let looked_up = self.lookups.so_far() - looked_up;
        self.add_reads(&name, &result);
        let hits = 1.0 - looked_up as f64 / (result.acknowledged * skus as u64) as f64;
        self.measurements.add_row(&format!("{name}: not asked of the database"), "ratio", hits);
        ensure!(result.failures() == 0, "{name}: {} reads failed", result.failures());
        Ok(result.rate())
    }

    fn add_reads(&mut self, name: &str, result: &PhaseResult) {
        self.measurements.add_row(&format!("{name}: rate"), "reads/s", result.rate());
        self.measurements.add_row(&format!("{name}: p50"), "ms", result.times.p50);
        self.measurements.add_row(&format!("{name}: p99"), "ms", result.times.p99);
    }

    async fn request(
        &mut self,
        urls: Vec<String>,
        paths: &Path,
        (name, phase): (&str, Phase),
    ) -> Result<PhaseResult> {
        let Self { context, measurements, cluster, .. } = self;
        let requests = Requests::Reads { paths: paths.to_path_buf() };
        let load = Load { urls, requests, phases: vec![(name.to_owned(), phase)] };
        cluster.load(context, measurements, load).await?.pop().context("the phase has no result")
    }
}

async fn keep_empty(redis: &RedisLogin) -> Result<Infallible> {
    loop {
        redis.flush().await?;
        sleep(FLUSH_INTERVAL).await;
    }
}
