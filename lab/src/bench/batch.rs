//! `batch`: the gain from group commit. The same pipeline with messages of up to 1, 16, 64 and 256
//! orders; and, with the brokers alone, one stream against one stream per stage.

use anyhow::Result;
use millrace::keys::Role;
use streams::Layout;

use super::broker_pipeline::measure_pipeline;
use super::cluster::{BenchCluster, ClusterSpec};
use super::context::{BenchContext, REPETITIONS};
use super::end_to_end::measure_sustained;
use super::measurements::Measurements;

/// The largest number of orders in a message.
const SIZES: [usize; 4] = [1, 16, 64, 256];

pub(super) async fn run(context: &BenchContext, measurements: &mut Measurements) -> Result<()> {
    let spec = ClusterSpec::default_for(context.profile());
    let mut cluster = BenchCluster::start(context, "batch", spec).await?;
    for _ in 0..REPETITIONS {
        let mut unbatched = None;
        for size in SIZES {
            cluster.restart_with("MILLRACE_MAX_BATCH", &size.to_string()).await?;
            let name = format!("up to {size} per message");
            let small = (name.as_str(), context.dataset.small.as_path());
            let result = measure_sustained(context, measurements, &mut cluster, small).await?;
            let rates = (result.posted.rate(), result.rate);
            let (intake_unbatched, completed_unbatched) = *unbatched.get_or_insert(rates);
            if size > 1 {
                let (intake, completed) = rates;
                let row = format!("up to {size} ÷ 1 per message");
                let ratio = intake / intake_unbatched;
                measurements.add_row(&format!("{row}: acknowledged"), "ratio", ratio);
                let ratio = completed / completed_unbatched;
                measurements.add_row(&format!("{row}: completed"), "ratio", ratio);
            }
        }
    }
    for _ in 0..REPETITIONS {
        let one = pipeline(context, measurements, &cluster, Layout::OneStream).await?;
        let each = pipeline(context, measurements, &cluster, Layout::StreamForEachStage).await?;
        measurements.add_row("one stream ÷ one stream per stage", "ratio", one / each);
    }
    cluster.finish(context, measurements).await?;
    Ok(())
}

async fn pipeline(
    context: &BenchContext,
    measurements: &mut Measurements,
    cluster: &BenchCluster,
    layout: Layout,
) -> Result<f64> {
    let name = match layout {
        Layout::OneStream => "relayed by brokers, one stream",
        Layout::StreamForEachStage => "relayed by brokers, one stream per stage",
    };
    context.report_progress(&format!("batch: {name}"));
    let access = cluster.inner.servers.brokers.access(Role::Lab);
    let bodies = &context.dataset.small;
    let rate = measure_pipeline(&access, context.profile(), layout, bodies, context.time).await?;
    measurements.add_row(name, "orders/s", rate);
    Ok(rate)
}
