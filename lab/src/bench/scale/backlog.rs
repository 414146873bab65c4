//! A backlog of a million orders: is the throughput at its end as high as at its start?

use anyhow::Result;
use workers::stages;

use super::super::cluster::{BenchCluster, now_ms};
use super::super::context::{BenchContext, CONNECTIONS};
use super::super::load_run::closed;
use super::super::measurements::Measurements;
use crate::load::Phase;

/// Orders for each second of a repetition: a million, with the default of two seconds.
const ORDERS_PER_SECOND: f64 = 500_000.0;
/// The drain is divided into this many parts. The first and the last do not count, because few
/// orders are in flight at the start of one and at the end of the other.
const PARTS: i64 = 20;
/// Parts at the start that are compared with as many at the end.
const COMPARED_PARTS: i64 = 3;

/// Builds a backlog while no worker runs, then starts all workers and measures the drain.
pub(super) async fn drain_backlog(
    context: &BenchContext,
    measurements: &mut Measurements,
    cluster: &mut BenchCluster,
) -> Result<()> {
    let orders = (ORDERS_PER_SECOND * context.time.as_secs_f64()) as u64;
    let phase =
        Phase { orders_max: Some(orders), ..closed(CONNECTIONS, context.posting_timeout()) };
    let name = "backlog: posting";
    let posted = cluster.post(context, measurements, &context.dataset.small, (name, phase)).await?;
    measurements.add_result(name, &posted);
    let started = now_ms();
    cluster.start_workers().await?;
    cluster.drain().await?;
    let finished = cluster.last_completion().await?;
    let part = ((finished - started) / PARTS).max(1);
    let rate = async |from: i64| {
        let count = cluster.completed_between(from, from + part).await?;
        Ok::<_, anyhow::Error>(count as f64 * 1_000.0 / part as f64)
    };
    for index in 1..=COMPARED_PARTS {
        let first = rate(started + index * part).await?;
        let last = rate(finished - (index + 1) * part).await?;
        measurements.add_row("backlog: rate at the start", "orders/s", first);
        measurements.add_row("backlog: rate at the end", "orders/s", last);
        measurements.add_figure("backlog_end_vs_start", "ratio", last / first);
    }
    let took = (finished - started).max(1) as f64 / 1_000.0;
    measurements.add_row("backlog: drain time", "s", took);
    measurements.add_row("backlog: orders", "orders", posted.acknowledged as f64);
    let pools = stages::order_pools();
    let kinds: Vec<&str> = pools.iter().map(|pool| pool.as_str()).collect();
    for third in 0..3 {
        let from = started + (finished - started) * third / 3;
        let to = started + (finished - started) * (third + 1) / 3 + 1_000;
        measurements.add_figure("worker_rss_mib", "MiB", cluster.peak_rss_mib(&kinds, from, to));
    }
    Ok(())
}
