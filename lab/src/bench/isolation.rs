//! `isolation`: the time to a 202 does not depend on the components behind the edge. The provider
//! is slow or down, or no worker runs at all.

use std::time::Duration;

use anyhow::Result;

use super::cluster::{BenchCluster, ClusterSpec};
use super::context::{BenchContext, CONNECTIONS, REPETITIONS};
use super::load_run::open;
use super::measurements::Measurements;

/// The load, as a fraction of the peak rate with the workers running, so that no queue forms at the
/// edge itself.
const LOAD_FRACTION: f64 = 0.25;
/// Longer than the slowest provider takes: a slow call must not time out.
const PROVIDER_TIMEOUT: (&str, &str) = ("MILLRACE_PROVIDER_TIMEOUT", "4s");
/// The provider goes down before the load starts, and recovers this long after the load's end at
/// most.
const OUTAGE_MARGIN: Duration = Duration::from_secs(2);

/// What is degraded behind the edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Degradation {
    /// The provider takes this long for a call, in milliseconds; 0 is the healthy case.
    ProviderLatency(u32),
    ProviderDown,
    WorkersStopped,
}

const ALL: [Degradation; 5] = [
    Degradation::ProviderLatency(0),
    Degradation::ProviderLatency(200),
    Degradation::ProviderLatency(1_000),
    Degradation::ProviderDown,
    Degradation::WorkersStopped,
];

pub(super) async fn run(context: &BenchContext, measurements: &mut Measurements) -> Result<()> {
    let envs = vec![PROVIDER_TIMEOUT];
    let spec = ClusterSpec { envs, ..ClusterSpec::default_for(context.profile()) };
    let mut cluster = BenchCluster::start(context, "isolation", spec).await?;
    let rate = cluster.peak_rate(context, measurements).await? * LOAD_FRACTION;
    for _ in 0..REPETITIONS {
        let mut healthy = f64::INFINITY;
        let mut worst = 0.0_f64;
        for degradation in ALL {
            let p99 = ack_p99(context, measurements, &mut cluster, (degradation, rate)).await?;
            match degradation {
                Degradation::ProviderLatency(0) => healthy = p99,
                Degradation::ProviderDown | Degradation::WorkersStopped => worst = worst.max(p99),
                Degradation::ProviderLatency(_) => {}
            }
        }
        measurements.add_figure("ack_p99_isolation_ratio", "ratio", worst / healthy);
    }
    cluster.finish(context, measurements).await?;
    Ok(())
}

/// The p99 of the time to a 202 under a degradation, in milliseconds.
async fn ack_p99(
    context: &BenchContext,
    measurements: &mut Measurements,
    cluster: &mut BenchCluster,
    (degradation, rate): (Degradation, f64),
) -> Result<f64> {
    match degradation {
        Degradation::ProviderLatency(latency) => {
            cluster.configure_provider(&format!("latency_ms={latency}")).await?;
        }
        Degradation::ProviderDown => {
            let outage = context.time + OUTAGE_MARGIN;
            cluster.configure_provider(&format!("away_ms={}", outage.as_millis())).await?;
        }
        Degradation::WorkersStopped => cluster.stop_workers().await?,
    }
    let name = degradation.name();
    let phase = open(CONNECTIONS, rate, context.time);
    let bodies = &context.dataset.small;
    let result = cluster.post(context, measurements, bodies, (&name, phase)).await?;
    measurements.add_result(&name, &result);
    match degradation {
        Degradation::ProviderLatency(_) => cluster.configure_provider("latency_ms=0").await?,
        // The outage ends by itself.
        Degradation::ProviderDown => {}
        Degradation::WorkersStopped => cluster.start_workers().await?,
    }
    cluster.drain().await?;
    Ok(result.times.p99)
}

impl Degradation {
    fn name(self) -> String {
        match self {
            Self::ProviderLatency(0) => "healthy".to_owned(),
            Self::ProviderLatency(latency) => format!("provider latency {latency} ms"),
            Self::ProviderDown => "provider down".to_owned(),
            Self::WorkersStopped => "workers stopped".to_owned(),
        }
    }
}
