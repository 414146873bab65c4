//! `intake`: orders acknowledged by one edge per second, and the response times. No worker runs
//! during the measurement, so only the edge and the brokers are measured; the acknowledged orders
//! are completed afterwards.

mod batches;

use anyhow::Result;
use millrace::keys::Role;
use streams::Profile;

use batches::post_batches;

use super::broker_baseline::{UNBATCHED, publish};
use super::cluster::{BenchCluster, ClusterSpec};
use super::context::{BenchContext, CONNECTIONS, REPETITIONS};
use super::load_run::{Load, closed, open, orders};
use super::measurements::Measurements;
use crate::load::PhaseResult;

/// Numbers of connections that are measured besides full load.
const FEWER_CONNECTIONS: [usize; 3] = [SINGLE_CONNECTION, 8, 64];
/// Shares of the peak rate, in percent, at which responses are timed.
const RATE_PERCENTS: [u32; 2] = [25, 75];
/// The share whose times are a figure.
const HALF_PERCENT: u32 = 50;
/// How many times longer than others it is measured: a broker writes its store to the disk after each 8 MiB of
/// a stream, every two seconds or so, and each sample must have several of these pauses.
const HALF_TIME_FACTOR: u32 = 4;
/// Connections whose median time is a figure: an order that travels alone.
const SINGLE_CONNECTION: usize = 1;

pub(super) async fn run(context: &BenchContext, measurements: &mut Measurements) -> Result<()> {
    let compared = vec![Profile::Durable, Profile::Single];
    for profile in context.only.map_or(compared, |only| vec![only]) {
        run_under(context, measurements, profile).await?;
    }
    Ok(())
}

async fn run_under(
    context: &BenchContext,
    measurements: &mut Measurements,
    profile: Profile,
) -> Result<()> {
    let name = format!("intake, {profile}");
    let spec = ClusterSpec::without_workers(profile);
    let mut cluster = BenchCluster::start(context, &name, spec).await?;
    let mut bench = IntakeBench { context, measurements, cluster: &mut cluster, profile };
    bench.warm_up().await?;
    // Of any other profile only the rate at full load is a figure, and what it acknowledges takes minutes to drain.
    let is_detailed = profile == context.profile();
    for _ in 0..REPETITIONS {
        bench.full_load().await?;
        bench.batches().await?;
        if is_detailed {
            bench.fewer_connections().await?;
        }
    }
    if is_detailed {
        bench.in_detail().await?;
    }
    cluster.finish(context, measurements).await?;
    Ok(())
}

struct IntakeBench<'a> {
    context: &'a BenchContext,
    measurements: &'a mut Measurements,
    cluster: &'a mut BenchCluster,
    profile: Profile,
}

impl IntakeBench<'_> {
    async fn warm_up(&mut self) -> Result<()> {
        let Self { context, .. } = *self;
        let edges = self.cluster.edge_urls();
        let bare = vec![self.cluster.http_baseline_url().await?];
        for urls in [edges, bare] {
            let phases = vec![(String::new(), closed(CONNECTIONS, context.side_time()))];
            let load = Load { urls, requests: orders(&context.dataset.small), phases };
            self.cluster.load(context, self.measurements, load).await?;
        }
        Ok(())
    }

    /// Full load on the bare server, on the edge, and on the brokers alone.
    async fn full_load(&mut self) -> Result<()> {
        let Self { context, profile, .. } = *self;
        let bodies = &context.dataset.small;
        let phase = closed(CONNECTIONS, context.time);
        let name = format!("{profile}: bare HTTP");
        let urls = vec![self.cluster.http_baseline_url().await?];
        let load = Load { urls, requests: orders(bodies), phases: vec![(name.clone(), phase)] };
        let results = self.cluster.load(context, self.measurements, load).await?;
        let http: f64 = results.iter().map(PhaseResult::rate).sum();
        self.measurements.add_row(&name, "responses/s", http);

        let name = self.full_load_name();
        let phase = (name.as_str(), phase);
        let result = self.cluster.post(context, self.measurements, bodies, phase).await?;
        self.measurements.add_result(&name, &result);
        let ratio_to_http = result.rate() / http;
        match profile {
            Profile::Durable => {
                let access = self.cluster.inner.servers.brokers.access(Role::Lab);
                let stored = publish(access, profile, bodies, UNBATCHED, context.time).await?;
                let row = format!("{profile}: stored, 1 per message");
                self.measurements.add_row(&row, "orders/s", stored);
                self.measurements.add_figure("intake_durable_vs_http", "ratio", ratio_to_http);
                let ratio = result.rate() / stored;
                self.measurements.add_figure("intake_durable_vs_publish", "ratio", ratio);
            }
            Profile::Single => {
                self.measurements.add_figure("intake_single_vs_http", "ratio", ratio_to_http);
            }
            Profile::Fast => {}
        }
        Ok(())
    }

    /// Orders in batches, compared with the last single ones.
    async fn batches(&mut self) -> Result<()> {
        let Self { context, profile, .. } = *self;
        if profile != Profile::Durable {
            return Ok(());
        }
        let url = &self.cluster.edge_urls()[0];
        let (rate, acknowledged) = post_batches(url, &context.dataset.small, context.time).await?;
        self.cluster.add_acknowledged(acknowledged);
        self.measurements.add_row(&format!("{profile}, small orders in batches"), "orders/s", rate);
        let single = self.measurements.last_rate(&self.full_load_name());
        self.measurements.add_figure("batch_vs_single", "ratio", rate / single);
        Ok(())
    }

    /// What needs the rate of full load, and real baskets.
    async fn in_detail(&mut self) -> Result<()> {
        for _ in 0..REPETITIONS {
            self.constant_rates().await?;
        }
        for _ in 0..REPETITIONS {
            self.baskets().await?;
        }
        Ok(())
    }

    async fn fewer_connections(&mut self) -> Result<()> {
        let Self { context, profile, .. } = *self;
        for connections in FEWER_CONNECTIONS {
            let name = format!("{profile}, small orders, {connections} connections");
            let phase = (name.as_str(), closed(connections, context.side_time()));
            let bodies = &context.dataset.small;
            let result = self.cluster.post(context, self.measurements, bodies, phase).await?;
            self.measurements.add_result(&name, &result);
            if connections == SINGLE_CONNECTION && profile == Profile::Durable {
                self.measurements.add_figure("ack_p50_single_ms", "ms", result.times.p50);
            }
        }
        Ok(())
    }

    async fn constant_rates(&mut self) -> Result<()> {
        let Self { context, profile, .. } = *self;
        let peak = self.measurements.median_rate(&self.full_load_name());
        for percent in RATE_PERCENTS.into_iter().chain([HALF_PERCENT]) {
            let is_half = percent == HALF_PERCENT;
            let is_figure = is_half && profile == Profile::Durable;
            let figure_time = context.time * HALF_TIME_FACTOR;
            let time = if is_figure { figure_time } else { context.side_time() };
            let phase = open(CONNECTIONS, peak * f64::from(percent) / 100.0, time);
            let name = format!("{profile}, small orders, {percent} % of the peak rate");
            let phase = (name.as_str(), phase);
            let bodies = &context.dataset.small;
            let result = self.cluster.post(context, self.measurements, bodies, phase).await?;
            self.measurements.add_result(&name, &result);
            if is_figure {
                self.measurements.add_figure("ack_p99_half_rate_ms", "ms", result.times.p99);
            }
        }
        Ok(())
    }

    async fn baskets(&mut self) -> Result<()> {
        let Self { context, profile, .. } = *self;
        let (time, bodies) = (context.side_time(), &context.dataset.baskets);
        let name = format!("{profile}, real baskets, {CONNECTIONS} connections");
        let phase = (name.as_str(), closed(CONNECTIONS, time));
        let result = self.cluster.post(context, self.measurements, bodies, phase).await?;
        self.measurements.add_result(&name, &result);
        let half = open(CONNECTIONS, self.measurements.median_rate(&name) / 2.0, time);
        let name = format!("{profile}, real baskets, {HALF_PERCENT} % of the peak rate");
        let phase = (name.as_str(), half);
        let result = self.cluster.post(context, self.measurements, bodies, phase).await?;
        self.measurements.add_result(&name, &result);
        Ok(())
    }

    fn full_load_name(&self) -> String {
        format!("{}, small orders, {CONNECTIONS} connections", self.profile)
    }
}
