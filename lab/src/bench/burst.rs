//! `step`: a steady load, then four times as much, then the first again. Measures what clients
//! observe, how large the backlog grows, and how long it takes to drain.

use std::time::Instant;

use anyhow::Result;

use super::cluster::{BenchCluster, ClusterSpec};
use super::context::{BenchContext, CONNECTIONS};
use super::load_run::{Load, open, orders};
use super::measurements::Measurements;

/// The steady load, as a fraction of the peak rate with the workers running: four times as much is
/// beyond that rate.
const STEADY_FRACTION: f64 = 0.3;
const BURST_FACTOR: f64 = 4.0;
/// The burst lasts this many repetitions: a minute, with the default of two seconds.
const BURST_REPETITIONS: u32 = 30;
/// The steady load lasts this many repetitions, before the burst and after it.
const STEADY_REPETITIONS: u32 = 5;
/// Enough for every order that becomes due while a response takes a tenth of a second.
const BURST_CONNECTIONS: usize = 4 * CONNECTIONS;

pub(super) async fn run(context: &BenchContext, measurements: &mut Measurements) -> Result<()> {
    let spec = ClusterSpec::default_for(context.profile());
    let mut cluster = BenchCluster::start(context, "step", spec).await?;
    let steady = cluster.peak_rate(context, measurements).await? * STEADY_FRACTION;
    let phase = |name: &str, rate, repetitions: u32| {
        (name.to_owned(), open(BURST_CONNECTIONS, rate, context.time * repetitions))
    };
    let phases = vec![
        phase("before the burst", steady, STEADY_REPETITIONS),
        phase("four times as much", steady * BURST_FACTOR, BURST_REPETITIONS),
        phase("after the burst", steady, STEADY_REPETITIONS),
    ];
    let names: Vec<String> = phases.iter().map(|(name, _)| name.clone()).collect();
    let load = Load { urls: cluster.edge_urls(), requests: orders(&context.dataset.small), phases };
    let results = cluster.load(context, measurements, load).await?;
    let posted = Instant::now();
    cluster.drain().await?;
    measurements.add_row("drain time after the last post", "s", posted.elapsed().as_secs_f64());
    for (name, result) in names.iter().zip(&results) {
        measurements.add_result(name, result);
        let failures = result.failures() as f64;
        measurements.add_row(&format!("{name}: neither 2xx nor 429"), "requests", failures);
        measurements.add_row(&format!("{name}: unsent"), "orders", result.unsent as f64);
    }
    cluster.finish(context, measurements).await?;
    let report = measurements.clusters.last();
    let lag = report.and_then(|report| report.seconds.iter().map(|second| second.lag).max());
    measurements.add_row("max orders in flight", "orders", lag.unwrap_or_default() as f64);
    Ok(())
}
