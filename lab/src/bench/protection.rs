//! `protection`: what encryption and permissions cost: acknowledged orders while no worker runs, and completed
//! orders, compared with a cluster that has neither.

use anyhow::Result;

use super::cluster::{BenchCluster, ClusterSpec};
use super::context::{BenchContext, CONNECTIONS, REPETITIONS};
use super::end_to_end::measure_sustained;
use super::load_run::closed;
use super::measurements::Measurements;
use crate::servers::Protection;

pub(super) async fn run(context: &BenchContext, measurements: &mut Measurements) -> Result<()> {
    let profile = context.profile();
    let mut clusters = start(context, "intake", ClusterSpec::without_workers(profile)).await?;
    for _ in 0..REPETITIONS {
        let [protected, open] = &mut clusters;
        let rate = acknowledged(context, measurements, protected).await?;
        let ratio = rate / acknowledged(context, measurements, open).await?;
        measurements.add_figure("intake_protected_vs_open", "ratio", ratio);
    }
    finish(context, measurements, clusters).await?;
    let mut clusters = start(context, "chain", ClusterSpec::default_for(profile)).await?;
    for _ in 0..REPETITIONS {
        let [protected, open] = &mut clusters;
        let rate = completed(context, measurements, protected).await?;
        let ratio = rate / completed(context, measurements, open).await?;
        measurements.add_figure("chain_protected_vs_open", "ratio", ratio);
    }
    finish(context, measurements, clusters).await
}

/// A cluster with protection, and one without.
async fn start(context: &BenchContext, what: &str, spec: ClusterSpec) -> Result<[BenchCluster; 2]> {
    let open = ClusterSpec { protection: Protection::None, ..spec.clone() };
    let protected = BenchCluster::start(context, &format!("{what}, protected"), spec).await?;
    Ok([protected, BenchCluster::start(context, &format!("{what}, open"), open).await?])
}

/// Orders acknowledged per second at full load.
async fn acknowledged(
    context: &BenchContext,
    measurements: &mut Measurements,
    cluster: &mut BenchCluster,
) -> Result<f64> {
    let name = format!("{}: acknowledged", cluster.name());
    let phase = (name.as_str(), closed(CONNECTIONS, context.time));
    let posted = cluster.post(context, measurements, &context.dataset.small, phase).await?;
    measurements.add_row(&name, "orders/s", posted.rate());
    Ok(posted.rate())
}

/// Orders completed per second at full load.
async fn completed(
    context: &BenchContext,
    measurements: &mut Measurements,
    cluster: &mut BenchCluster,
) -> Result<f64> {
    let name = cluster.name().to_owned();
    let small = (name.as_str(), context.dataset.small.as_path());
    Ok(measure_sustained(context, measurements, cluster, small).await?.rate)
}

async fn finish(
    context: &BenchContext,
    measurements: &mut Measurements,
    clusters: [BenchCluster; 2],
) -> Result<()> {
    for cluster in clusters {
        cluster.finish(context, measurements).await?;
    }
    Ok(())
}
