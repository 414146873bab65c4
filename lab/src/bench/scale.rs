//! `scale`: more payment workers before a slow provider, a second edge, and a backlog of a million
//! orders that is drained.

mod backlog;

use anyhow::Result;
use tokio::time::sleep;
use workers::SET_RECORDS;
use workers::payment;

use super::cluster::{BenchCluster, ClusterSpec, now_ms};
use super::context::{BenchContext, CONNECTIONS, REPETITIONS};
use super::end_to_end::run_to_completion;
use super::load_run::{Load, closed, orders};
use super::measurements::Measurements;

/// How long the provider takes for a call, in milliseconds.
const LATENCY: u32 = 200;
const WORKERS: [usize; 3] = [1, 2, 4];
/// Sets of orders for each worker, of two seconds each: enough that the last of them, when some
/// workers are idle, have little weight.
const SETS_PER_WORKER: u64 = 8;

pub(super) async fn run(context: &BenchContext, measurements: &mut Measurements) -> Result<()> {
    payment(context, measurements).await?;
    let spec = ClusterSpec {
        edges: 2,
        envs: vec![("MILLRACE_BACKLOG_MAX_AGE", "1d")],
        ..ClusterSpec::default_for(context.profile())
    };
    let mut cluster = BenchCluster::start(context, "scale, edges and backlog", spec).await?;
    for _ in 0..REPETITIONS {
        sleep(context.side_time()).await;
        measurements.add_figure("idle_rss_mib", "MiB", cluster.rss_mib());
    }
    cluster.stop_workers().await?;
    for _ in 0..REPETITIONS {
        let started = now_ms();
        edges(context, measurements, &mut cluster).await?;
        let peak = cluster.peak_rss_mib(&["edge"], started, now_ms());
        measurements.add_figure("edge_rss_mib", "MiB", peak);
    }
    backlog::drain_backlog(context, measurements, &mut cluster).await?;
    cluster.finish(context, measurements).await?;
    Ok(())
}

async fn payment(context: &BenchContext, measurements: &mut Measurements) -> Result<()> {
    let spec = ClusterSpec {
        envs: vec![("MILLRACE_PROVIDER_TIMEOUT", "4s")],
        ..ClusterSpec::default_for(context.profile())
    };
    let spec = spec.with_workers(payment::POOL, 0);
    let mut cluster = BenchCluster::start(context, "scale, payment", spec).await?;
    cluster.configure_provider(&format!("latency_ms={LATENCY}")).await?;
    for _ in 0..REPETITIONS {
        let mut rate_of_one = None;
        for count in WORKERS {
            cluster.scale_workers(payment::POOL, count).await?;
            let orders = SETS_PER_WORKER * (SET_RECORDS * count) as u64;
            let name = format!("provider at {LATENCY} ms, {count} payment workers");
            let small = (name.as_str(), context.dataset.small.as_path());
            let rate =
                run_to_completion(context, measurements, &mut cluster, small, orders).await?;
            let rate_of_one = *rate_of_one.get_or_insert(rate);
            if count > 1 {
                let row = format!("{count} payment workers ÷ one");
                measurements.add_row(&row, "ratio", rate / rate_of_one);
            }
        }
    }
    cluster.configure_provider("latency_ms=0").await?;
    cluster.finish(context, measurements).await?;
    Ok(())
}

async fn edges(
    context: &BenchContext,
    measurements: &mut Measurements,
    cluster: &mut BenchCluster,
) -> Result<()> {
    let urls = cluster.edge_urls();
    let mut rates = Vec::new();
    for count in [1, 2] {
        let name = format!("{count} of 2 edges, {CONNECTIONS} connections");
        let phases = vec![(name.clone(), closed(CONNECTIONS, context.side_time()))];
        let requests = orders(&context.dataset.small);
        let load = Load { urls: urls[..count].to_vec(), requests, phases };
        for result in cluster.load(context, measurements, load).await? {
            measurements.add_result(&name, &result);
            rates.push(result.rate());
        }
    }
    measurements.add_row("two edges ÷ one", "ratio", rates[1] / rates[0]);
    Ok(())
}
