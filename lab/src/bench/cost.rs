//! `cost`: the CPU time that an order costs, from its post until it is complete, by part, and what it costs
//! the synchronous service. On a machine that also runs the load, this says more than a rate.

use anyhow::Result;

use super::cluster::{BenchCluster, ClusterSpec};
use super::context::{BenchContext, CONNECTIONS, REPETITIONS};
use super::load_run::{CpuPerOrder, closed, open};
use super::measurements::Measurements;
use super::synchronous::Service;
use crate::load::Phase;

/// The lighter load, in orders per second.
const LIGHT: f64 = 1_000.0;
/// The parts, as figures name them, and the kind of their processes.
const PARTS: [(&str, &str); 7] = [
    ("edge", "edge"),
    ("brokers", "broker"),
    ("inventory", "inventory"),
    ("payment", "payment"),
    ("fulfilment", "fulfilment"),
    ("database", "postgres"),
    ("redis", "redis"),
];
/// What the synchronous service consists of.
const SERVICE: [&str; 2] = ["synchronous", "postgres"];

pub(super) async fn run(context: &BenchContext, measurements: &mut Measurements) -> Result<()> {
    let spec = ClusterSpec::default_for(context.profile());
    let mut cluster = BenchCluster::start(context, "cost", spec).await?;
    let service = Service::start(&mut cluster).await?;
    let mut comparison = Comparison { context, measurements, cluster: &mut cluster, service };
    for _ in 0..REPETITIONS {
        comparison.compare("full load", "", closed(CONNECTIONS, context.time)).await?;
        let light = open(CONNECTIONS, LIGHT, context.time);
        comparison.compare("1,000 orders/s", "_at_1000", light).await?;
    }
    comparison.service.ensure_consistent(comparison.cluster).await?;
    cluster.finish(context, measurements).await?;
    Ok(())
}

struct Comparison<'a> {
    context: &'a BenchContext,
    measurements: &'a mut Measurements,
    cluster: &'a mut BenchCluster,
    service: Service,
}

impl Comparison<'_> {
    /// What an order costs both, one after the other, under a load with this name.
    async fn compare(&mut self, name: &str, suffix: &str, phase: Phase) -> Result<()> {
        let (ours, service) = (self.ours(name, phase).await?, self.service(name, phase).await?);
        for (part, kind) in PARTS {
            let figure = format!("cpu_us_{part}{suffix}");
            self.measurements.add_figure(&figure, "µs", ours.sum(&[kind]));
        }
        let (total, service) = (ours.sum(&PARTS.map(|(_, kind)| kind)), service.sum(&SERVICE));
        self.measurements.add_row(&format!("{name}: all parts"), "µs", total);
        self.measurements.add_row(&format!("{name}: synchronous service"), "µs", service);
        self.measurements.add_figure(&format!("cpu_vs_sync{suffix}"), "ratio", total / service);
        Ok(())
    }

    async fn ours(&mut self, name: &str, phase: Phase) -> Result<CpuPerOrder> {
        let Self { context, measurements, cluster, .. } = self;
        let post = async |cluster: &mut BenchCluster| {
            let bodies = &context.dataset.small;
            let posted = cluster.post(context, measurements, bodies, (name, phase)).await?;
            measurements.add_result(name, &posted);
            cluster.drain().await?;
            Ok(posted.acknowledged)
        };
        cluster.cpu_per_order(post).await
    }

    async fn service(&mut self, name: &str, phase: Phase) -> Result<CpuPerOrder> {
        let Self { context, measurements, cluster, service } = self;
        let name = format!("synchronous, {name}");
        let post = async |cluster: &mut BenchCluster| {
            let posted = service.post(context, measurements, cluster, (&name, phase)).await?;
            Ok(posted.acknowledged)
        };
        cluster.cpu_per_order(post).await
    }
}
