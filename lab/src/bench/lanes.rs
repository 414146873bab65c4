//! `lanes`: what lanes cost while no broker fails: the rate of completed orders and the CPU time of the
//! brokers, compared with a cluster that has one lane.

use anyhow::Result;
use streams::Profile;

use super::cluster::{BenchCluster, ClusterSpec};
use super::context::{BenchContext, REPETITIONS};
use super::end_to_end::measure_sustained;
use super::failover::wait_until_settled;
use super::measurements::Measurements;

pub(super) async fn run(context: &BenchContext, measurements: &mut Measurements) -> Result<()> {
    let profile = context.profile();
    if profile == Profile::Single {
        context.report_progress("lanes: left out, one broker has one lane");
        return Ok(());
    }
    let spec = ClusterSpec::default_for(profile);
    let one_lane = ClusterSpec { lanes: Some(1), ..spec.clone() };
    let mut several = BenchCluster::start(context, "lanes", spec).await?;
    let mut one = BenchCluster::start(context, "one lane", one_lane).await?;
    for cluster in [&several, &one] {
        if wait_until_settled(&cluster.sources.connection).await.is_none() {
            context.report_progress("lanes: the leaders did not settle in time");
        }
    }
    for _ in 0..REPETITIONS {
        let [lanes_rate, lanes_cpu] =
            measure(context, measurements, &mut several, "all lanes").await?;
        let [one_rate, one_cpu] = measure(context, measurements, &mut one, "one lane").await?;
        measurements.add_figure("chain_lanes_vs_one", "ratio", lanes_rate / one_rate);
        measurements.add_figure("broker_cpu_lanes_vs_one", "ratio", lanes_cpu / one_cpu);
    }
    several.finish(context, measurements).await?;
    one.finish(context, measurements).await?;
    Ok(())
}

/// Orders completed per second at full load, and what an order costs the brokers in microseconds.
async fn measure(
    context: &BenchContext,
    measurements: &mut Measurements,
    cluster: &mut BenchCluster,
    name: &str,
) -> Result<[f64; 2]> {
    let small = (name, context.dataset.small.as_path());
    let mut rate = 0.0;
    let sustain = async |cluster: &mut BenchCluster| {
        let throughput = measure_sustained(context, measurements, cluster, small).await?;
        rate = throughput.rate;
        Ok(throughput.acknowledged)
    };
    let brokers = cluster.cpu_per_order(sustain).await?.sum(&["broker"]);
    measurements.add_row(&format!("{name}: brokers' CPU time for an order"), "µs", brokers);
    Ok([rate, brokers])
}
