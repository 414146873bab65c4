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
    intake(context, measurements).await?;
    chain(context, measurements).await
}

async fn intake(context: &BenchContext, measurements: &mut Measurements) -> Result<()> {
    let spec = ClusterSpec::without_workers(context.profile());
    let [mut protected, mut open] = start(context, "intake", spec).await?;
    for _ in 0..REPETITIONS {
        let mut rates = [0.0; 2];
        for (cluster, rate) in [&mut protected, &mut open].into_iter().zip(&mut rates) {
            let name = format!("{}: acknowledged", cluster.name());
            let phase = (name.as_str(), closed(CONNECTIONS, context.time));
            let posted = cluster.post(context, measurements, &context.dataset.small, phase).await?;
            measurements.add_row(&name, "orders/s", posted.rate());
            *rate = posted.rate();
        }
        measurements.add_figure("intake_protected_vs_open", "ratio", rates[0] / rates[1]);
    }
    protected.finish(context, measurements).await?;
    open.finish(context, measurements).await?;
    Ok(())
}

async fn chain(context: &BenchContext, measurements: &mut Measurements) -> Result<()> {
    let spec = ClusterSpec::default_for(context.profile());
    let [mut protected, mut open] = start(context, "chain", spec).await?;
    for _ in 0..REPETITIONS {
        let mut rates = [0.0; 2];
        for (cluster, rate) in [&mut protected, &mut open].into_iter().zip(&mut rates) {
            let name = cluster.name().to_owned();
            let small = (name.as_str(), context.dataset.small.as_path());
            *rate = measure_sustained(context, measurements, cluster, small).await?.rate;
        }
        measurements.add_figure("chain_protected_vs_open", "ratio", rates[0] / rates[1]);
    }
    protected.finish(context, measurements).await?;
    open.finish(context, measurements).await?;
    Ok(())
}

/// A cluster with protection, and one without.
async fn start(context: &BenchContext, what: &str, spec: ClusterSpec) -> Result<[BenchCluster; 2]> {
    let open = ClusterSpec { protection: Protection::None, ..spec.clone() };
    let protected = BenchCluster::start(context, &format!("{what}, protected"), spec).await?;
    Ok([protected, BenchCluster::start(context, &format!("{what}, open"), open).await?])
}
