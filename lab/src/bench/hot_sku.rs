//! `hot`: one SKU on every order, with stock for nine of ten of them, against random SKUs. Nothing
//! may be oversold, and contention should cost no time: a batch adds up its quantities of a SKU.

use anyhow::{Context, Result};
use workers::inventory::stock;

use super::cluster::{BenchCluster, ClusterSpec};
use super::context::{BenchContext, REPETITIONS};
use super::dataset::hot_sku;
use super::end_to_end::run_to_completion;
use super::measurements::Measurements;

/// The share of all orders that there is stock for, in percent.
const STOCKED_PERCENT: u64 = 90;
/// Orders for this many repetitions at the peak rate.
const DURATION_FACTOR: f64 = 2.0;
const ORDERS_MIN: f64 = 100.0;

pub(super) async fn run(context: &BenchContext, measurements: &mut Measurements) -> Result<()> {
    let spec = ClusterSpec::default_for(context.profile());
    let mut cluster = BenchCluster::start(context, "hot", spec).await?;
    let rate = cluster.peak_rate(context, measurements).await?;
    let orders = (rate * context.time.as_secs_f64() * DURATION_FACTOR).max(ORDERS_MIN) as u64;
    for repetition in 0..REPETITIONS as u32 {
        let small = ("random SKUs", context.dataset.small.as_path());
        let uniform = run_to_completion(context, measurements, &mut cluster, small, orders).await?;
        let sku = hot_sku(repetition).parse().context("invalid generated SKU")?;
        let stocked = (orders * STOCKED_PERCENT / 100) as i64;
        let restocked = stock::add(&cluster.sources.database, &sku, stocked).await?;
        restocked.context("unknown SKU")?;
        let bodies = context.dataset.hot(repetition)?;
        let hot = ("one SKU on every order", bodies.as_path());
        let hot = run_to_completion(context, measurements, &mut cluster, hot, orders).await?;
        measurements.add_figure("hot_vs_uniform", "ratio", hot / uniform);
    }
    cluster.finish(context, measurements).await?;
    let report = measurements.clusters.last();
    let audit = report.map(|report| report.audit.clone()).unwrap_or_default();
    measurements.add_figure("hot_oversold", "SKUs", audit.oversold_skus.len() as f64);
    let rejected = audit.rejected.values().sum::<u64>();
    measurements.add_row("rejected as out of stock, total", "orders", rejected as f64);
    Ok(())
}
