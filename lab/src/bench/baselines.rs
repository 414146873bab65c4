//! `limits`: the baselines to compare with. A bare HTTP server, the brokers and the database, each
//! by itself and with the same orders.

use anyhow::Result;
use millrace::keys::Role;
use streams::Profile;

use super::broker_baseline::{BATCHED, UNBATCHED, publish};
use super::cluster::{BenchCluster, ClusterSpec};
use super::context::{BenchContext, CONNECTIONS, REPETITIONS};
use super::load_run::{Load, closed, orders};
use super::measurements::Measurements;
use super::postgres_baseline::write_batches;

pub(super) async fn run(context: &BenchContext, measurements: &mut Measurements) -> Result<()> {
    let profiles = context.only.map_or(vec![Profile::Durable, Profile::Single], |only| vec![only]);
    for (index, profile) in profiles.into_iter().enumerate() {
        let spec = ClusterSpec { edges: 0, ..ClusterSpec::without_workers(profile) };
        let name = format!("limits, {profile}");
        let mut cluster = BenchCluster::start(context, &name, spec).await?;
        for _ in 0..REPETITIONS {
            // HTTP and PostgreSQL are the same under every profile.
            if index == 0 {
                http(context, measurements, &mut cluster).await?;
                postgres(context, measurements, &cluster).await?;
            }
            brokers(context, measurements, &cluster, profile).await?;
        }
        cluster.finish(context, measurements).await?;
    }
    Ok(())
}

async fn http(
    context: &BenchContext,
    measurements: &mut Measurements,
    cluster: &mut BenchCluster,
) -> Result<()> {
    let urls = vec![cluster.http_baseline_url().await?];
    let name = format!("bare HTTP, {CONNECTIONS} connections");
    let phases = vec![(name.clone(), closed(CONNECTIONS, context.time))];
    let load = Load { urls, requests: orders(&context.dataset.small), phases };
    for result in cluster.load(context, measurements, load).await? {
        measurements.add_row(&name, "responses/s", result.rate());
    }
    Ok(())
}

async fn postgres(
    context: &BenchContext,
    measurements: &mut Measurements,
    cluster: &BenchCluster,
) -> Result<()> {
    context.report_progress("limits: PostgreSQL, batches");
    let rate = write_batches(cluster.inner.servers.postgres.url(), context.time).await?;
    measurements.add_row("PostgreSQL, 500 orders per transaction, 2 writers", "orders/s", rate);
    Ok(())
}

async fn brokers(
    context: &BenchContext,
    measurements: &mut Measurements,
    cluster: &BenchCluster,
    profile: Profile,
) -> Result<()> {
    for (name, mode) in [("1 per message", UNBATCHED), ("256 per message", BATCHED)] {
        context.report_progress(&format!("limits: {profile}, stored, {name}"));
        let access = cluster.inner.servers.brokers.access(Role::Lab);
        let rate = publish(access, profile, &context.dataset.small, mode, context.time).await?;
        measurements.add_row(&format!("{profile}: stored, {name}"), "orders/s", rate);
    }
    Ok(())
}
