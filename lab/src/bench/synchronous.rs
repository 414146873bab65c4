//! `sync`: the architecture that Millrace replaces, measured on the same servers. Compares its rate
//! with the completion rate of Millrace, which is equal work, and its response time with the time
//! to our 202.

mod service;

use anyhow::Result;
use workers::SET_RECORDS;
use workers::payment;
use workers::payment::provider::Limits;

use super::cluster::{BenchCluster, ClusterSpec};
use super::context::{BenchContext, CONNECTIONS, REPETITIONS};
use super::end_to_end::{measure_sustained, run_to_completion};
use super::load_run::{closed, open};
use super::measurements::Measurements;
use crate::load::{Phase, PhaseResult};
pub(super) use service::Service;

/// How long the provider takes for a call, in milliseconds.
const LATENCIES: [u32; 4] = [0, 50, 200, 1_000];
/// The latency that the figures are measured at.
const FIGURE_LATENCY: u32 = 50;
/// The synchronous service needs a connection for each order that waits for the provider: the
/// higher rate of these counts.
const CONNECTIONS_TRIED: [usize; 2] = [CONNECTIONS, 4 * CONNECTIONS];
/// Enough concurrent calls to keep a slow provider busy.
const PAYMENT_WORKERS: usize = 4;
/// Calls to the provider for each order of Millrace.
const CALLS_PER_ORDER: f64 = 2.0;
/// Six sets of orders for each worker: enough that the last of them, when some workers are idle,
/// have little weight.
const ORDERS_MIN: f64 = (6 * SET_RECORDS * PAYMENT_WORKERS) as f64;
/// How long a run with a slow provider is: this, and this many times a call, so that its first and last calls
/// have little weight.
const SECONDS: f64 = 15.0;
const CALLS: f64 = 25.0;
const ENVS: [(&str, &str); 2] =
    [("MILLRACE_PROVIDER_TIMEOUT", "4s"), ("MILLRACE_BACKLOG_MAX_AGE", "1d")];

pub(super) async fn run(context: &BenchContext, measurements: &mut Measurements) -> Result<()> {
    let spec = ClusterSpec { envs: ENVS.to_vec(), ..ClusterSpec::default_for(context.profile()) };
    let spec = spec.with_workers(payment::POOL, PAYMENT_WORKERS);
    let mut cluster = BenchCluster::start(context, "sync", spec).await?;
    let service = Service::start(&mut cluster).await?;
    let mut comparison =
        SyncComparison { context, measurements, cluster: &mut cluster, service, peak: 0.0 };
    for latency in LATENCIES {
        comparison.set_latency(latency).await?;
        for _ in 0..REPETITIONS {
            comparison.compare_rates(latency).await?;
        }
        if latency == FIGURE_LATENCY {
            for _ in 0..REPETITIONS {
                comparison.compare_response_times().await?;
            }
        }
    }
    comparison.set_latency(0).await?;
    comparison.service.ensure_consistent(comparison.cluster).await?;
    cluster.finish(context, measurements).await?;
    Ok(())
}

/// The synchronous service beside a cluster, each with its own provider.
struct SyncComparison<'a> {
    context: &'a BenchContext,
    measurements: &'a mut Measurements,
    cluster: &'a mut BenchCluster,
    service: Service,
    /// The rate with a provider that takes no time.
    peak: f64,
}

impl SyncComparison<'_> {
    /// Sets the latency of both providers, in milliseconds.
    async fn set_latency(&self, latency: u32) -> Result<()> {
        let form = format!("latency_ms={latency}");
        self.service.configure_provider(&form).await?;
        self.cluster.configure_provider(&form).await
    }

    /// The peak rates of both, one after the other.
    async fn compare_rates(&mut self, latency: u32) -> Result<()> {
        let mut service = 0.0_f64;
        for connections in CONNECTIONS_TRIED {
            let name = run_name(latency, connections);
            let result = self.post(&name, closed(connections, self.context.time)).await?;
            service = service.max(result.rate());
        }
        let name = format!("millrace, provider at {latency} ms");
        let millrace = self.completion_rate(&name, latency).await?;
        let row = format!("provider at {latency} ms: synchronous ÷ millrace");
        self.measurements.add_row(&row, "ratio", service / millrace);
        if latency == FIGURE_LATENCY {
            self.measurements.add_figure("sync_50ms_vs_ours", "ratio", service / millrace);
        }
        if latency == 0 {
            self.peak = self.peak.max(millrace);
        } else {
            let figure = format!("provider_{latency}_vs_limit");
            self.measurements.add_figure(&figure, "ratio", millrace / self.rate_limit(latency));
        }
        Ok(())
    }

    /// The most orders a second that Millrace could complete: what it completes with a provider that takes no
    /// time, or what the calls in flight allow.
    fn rate_limit(&self, latency: u32) -> f64 {
        let calls_in_flight = (Limits::default().parallel * PAYMENT_WORKERS) as f64;
        let calls_per_second = calls_in_flight * 1e3 / f64::from(latency);
        (calls_per_second / CALLS_PER_ORDER).min(self.peak)
    }

    /// Orders that Millrace completes per second.
    async fn completion_rate(&mut self, name: &str, latency: u32) -> Result<f64> {
        let seconds = SECONDS + CALLS * f64::from(latency) / 1e3;
        let orders = (self.rate_limit(latency) * seconds).max(ORDERS_MIN);
        let Self { context, measurements, cluster, .. } = self;
        let small = (name, context.dataset.small.as_path());
        if latency == 0 {
            return Ok(measure_sustained(context, measurements, cluster, small).await?.rate);
        }
        run_to_completion(context, measurements, cluster, small, orders as u64).await
    }

    /// The response times of both under the same load: half of the service's peak rate.
    async fn compare_response_times(&mut self) -> Result<()> {
        let rates = CONNECTIONS_TRIED.map(|connections| {
            self.measurements.median_rate(&run_name(FIGURE_LATENCY, connections))
        });
        let half = rates.into_iter().fold(1.0, f64::max) / 2.0;
        let phase = open(CONNECTIONS_TRIED[1], half, self.context.time);
        let service = self.post("synchronous, half its peak rate", phase).await?;
        let name = "millrace, the same load";
        let Self { context, measurements, cluster, .. } = self;
        let bodies = &context.dataset.small;
        let millrace = cluster.post(context, measurements, bodies, (name, phase)).await?;
        measurements.add_result(name, &millrace);
        let ratio = service.times.p50 / millrace.times.p50;
        measurements.add_figure("answer_sync_vs_ours", "ratio", ratio);
        self.set_latency(0).await?;
        self.cluster.drain().await?;
        self.set_latency(FIGURE_LATENCY).await
    }

    /// Posts orders to the service.
    async fn post(&mut self, name: &str, phase: Phase) -> Result<PhaseResult> {
        let Self { context, measurements, cluster, service, .. } = self;
        service.post(context, measurements, cluster, (name, phase)).await
    }
}

/// The name of a run of the service at full load.
fn run_name(latency: u32, connections: usize) -> String {
    format!("synchronous, provider at {latency} ms, {connections} connections")
}
