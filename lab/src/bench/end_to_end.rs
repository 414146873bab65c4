//! `chain`: orders completed per second while new ones keep arriving, and the time from the post of
//! an order to its completion.

use std::path::Path;

use anyhow::{Context, Result};
use streams::Profile;

use super::cluster::{BenchCluster, ClusterSpec, CompletionTimes};
use super::context::{BenchContext, CONNECTIONS, REPETITIONS};
use super::load_run::{Load, closed, open, orders};
use super::measurements::Measurements;
use crate::load::{Phase, PhaseResult};
use crate::percentiles::Percentiles;

/// A sustained rate is measured for this many repetitions. An order waits for half a second, more
/// or less, and the measurement has to be many times as long.
const SUSTAINED_FACTOR: u32 = 4;

const SMALL: &str = "small orders, 256 connections";
const BASKETS: &str = "real baskets, 256 connections";

pub(super) async fn run(context: &BenchContext, measurements: &mut Measurements) -> Result<()> {
    let is_durable = context.profile() == Profile::Durable;
    let spec = ClusterSpec::default_for(context.profile());
    let mut cluster = BenchCluster::start(context, "chain", spec).await?;
    let small = &context.dataset.small;
    for _ in 0..REPETITIONS {
        let ThroughputResult { posted, rate, .. } =
            measure_sustained(context, measurements, &mut cluster, (SMALL, small)).await?;
        measurements.add_figure("chain_keeps_up", "ratio", rate / posted.rate());
        if is_durable {
            measurements.add_figure("chain_durable_per_s", "orders/s", rate);
        }
    }
    let kind = ("small orders", small.as_path());
    let small = post_at_half_rate(context, measurements, &mut cluster, SMALL, kind).await?;
    let baskets = &context.dataset.baskets;
    for _ in 0..REPETITIONS {
        let result =
            measure_sustained(context, measurements, &mut cluster, (BASKETS, baskets)).await?;
        if is_durable {
            measurements.add_figure("chain_baskets_per_s", "orders/s", result.rate);
        }
    }
    let kind = ("real baskets", baskets.as_path());
    let baskets = post_at_half_rate(context, measurements, &mut cluster, BASKETS, kind).await?;
    let completions = cluster.finish(context, measurements).await?;
    add_completion_times(measurements, &completions, &small, &baskets)
}

/// The start and the end of a repetition, in milliseconds since 1970.
type TimeWindow = (i64, i64);

/// The times from post to completion of the small orders and of the real baskets.
fn add_completion_times(
    measurements: &mut Measurements,
    completions: &CompletionTimes,
    small: &[TimeWindow],
    baskets: &[TimeWindow],
) -> Result<()> {
    let percentiles = |&(from, to): &TimeWindow| {
        Percentiles::of(completions.times(from, to)).context("no order was completed")
    };
    for window in small {
        let times = percentiles(window)?;
        let row = "small orders, post to completion at half the sustained rate: p50";
        measurements.add_row(row, "ms", times.p50);
        measurements.add_figure("final_p99_ms", "ms", times.p99);
    }
    for window in baskets {
        let times = percentiles(window)?;
        let row = "real baskets, post to completion at half the sustained rate";
        measurements.add_row(&format!("{row}: p50"), "ms", times.p50);
        measurements.add_row(&format!("{row}: p99"), "ms", times.p99);
    }
    Ok(())
}

/// Posts at half of the completion rate that was measured under the name `measured`. Returns the
/// time of each repetition.
async fn post_at_half_rate(
    context: &BenchContext,
    measurements: &mut Measurements,
    cluster: &mut BenchCluster,
    measured: &str,
    (kind, bodies): (&str, &Path),
) -> Result<Vec<TimeWindow>> {
    let half = measurements.median_completion_rate(measured) / 2.0;
    let name = format!("{kind}, half the sustained rate");
    let mut windows = Vec::new();
    for _ in 0..REPETITIONS {
        let phase = open(CONNECTIONS, half, context.time * SUSTAINED_FACTOR);
        let result = cluster.post(context, measurements, bodies, (&name, phase)).await?;
        measurements.add_result(&name, &result);
        windows.push((result.begun_at_ms, result.ended_at_ms));
        cluster.drain().await?;
    }
    Ok(windows)
}

/// The throughput of a cluster while new orders kept arriving.
pub(super) struct ThroughputResult {
    pub(super) posted: PhaseResult,
    /// Orders completed per second, while others were posted.
    pub(super) rate: f64,
    /// Orders acknowledged, with those of the warm-up.
    pub(super) acknowledged: u64,
}

/// Applies full load to a pipeline that is warm already, then waits until every order is complete.
pub(super) async fn measure_sustained(
    context: &BenchContext,
    measurements: &mut Measurements,
    cluster: &mut BenchCluster,
    (name, bodies): (&str, &Path),
) -> Result<ThroughputResult> {
    let phases = vec![
        (String::new(), closed(CONNECTIONS, context.time)),
        (name.to_owned(), closed(CONNECTIONS, context.time * SUSTAINED_FACTOR)),
    ];
    let load = Load { urls: cluster.edge_urls(), requests: orders(bodies), phases };
    let mut results = cluster.load(context, measurements, load).await?;
    let acknowledged = results.iter().map(|result| result.acknowledged).sum();
    let posted = results.pop().context("the phase has no result")?;
    cluster.drain().await?;
    let completed = cluster.completed_between(posted.begun_at_ms, posted.ended_at_ms).await?;
    let rate = completed as f64 / posted.lasted();
    measurements.add_result(name, &posted);
    measurements.add_completion_rate(name, rate);
    Ok(ThroughputResult { posted, rate, acknowledged })
}

/// Posts this number of orders and waits until each is complete. Returns orders per second, from
/// the first post to the last completion.
pub(super) async fn run_to_completion(
    context: &BenchContext,
    measurements: &mut Measurements,
    cluster: &mut BenchCluster,
    (name, bodies): (&str, &Path),
    orders: u64,
) -> Result<f64> {
    let phase =
        Phase { orders_max: Some(orders), ..closed(CONNECTIONS, context.posting_timeout()) };
    let posted = cluster.post(context, measurements, bodies, (name, phase)).await?;
    cluster.drain().await?;
    let took = (cluster.last_completion().await? - posted.begun_at_ms).max(1) as f64 / 1_000.0;
    let rate = posted.acknowledged as f64 / took;
    measurements.add_result(name, &posted);
    measurements.add_completion_rate(name, rate);
    Ok(rate)
}
