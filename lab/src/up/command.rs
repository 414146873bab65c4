//! `millrace-lab up`: runs a cluster until it is interrupted, and restarts processes that exit.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use millrace::addresses::ENV_FILE;
use millrace::shutdown::Shutdown;
use streams::{Pool, Profile};
use tokio::time::sleep;
use workers::stages;

use super::{Cluster, Plan, Scaling};
use crate::{input, nats_contexts};

/// Time between two checks of all processes, and of what the pools need: a new backlog gets more workers within two
/// seconds.
const SUPERVISE_INTERVAL: Duration = Duration::from_millis(500);

/// A pool and its number of workers.
#[derive(Debug, Clone, Copy)]
struct PoolSize(Pool, usize);

/// The options of `up`.
#[derive(Debug, Clone, Args)]
pub struct UpArgs {
    /// Catalogue as JSON Lines [default: a sample of a real retailer's]
    #[arg(long, value_name = "FILE")]
    catalog: Option<PathBuf>,
    /// durable: 3 brokers, fsync on every write; fast: 3 brokers, periodic fsync; single: 1 broker
    #[arg(long, default_value_t = Profile::Durable)]
    profile: Profile,
    /// Number of edges
    #[arg(long, value_name = "N", default_value = "2")]
    edges: usize,
    /// Number of workers of a pool; repeatable
    #[arg(long, value_name = "POOL=N", value_parser = parse_pool_size)]
    workers: Vec<PoolSize>,
    /// Start and drain workers, as many as each pool needs by its setting (`autoscale` or `workers` in POOLS)
    #[arg(long)]
    autoscale: bool,
    /// Base URL of a payment simulator that outlives the cluster, instead of one that goes with it
    #[arg(long, value_name = "URL")]
    provider_url: Option<String>,
    /// Program that restores a backup into the new servers before streams and tables are created; their
    /// addresses are in its environment, that of the database for the owner of the tables
    #[arg(long, value_name = "PROGRAM")]
    restore_with: Option<PathBuf>,
}

/// Starts a cluster, prints its addresses, and stops it on Ctrl-C or SIGTERM.
///
/// # Errors
/// The catalogue cannot be read, or the cluster cannot be started, supervised or stopped.
pub fn run(args: &UpArgs) -> Result<()> {
    let catalog = input::catalog(args.catalog.as_deref())?;
    let mut plan = Plan::new(args.profile)?;
    plan.edges = args.edges;
    plan.admins = 1;
    for PoolSize(pool, count) in &args.workers {
        plan.workers.retain(|(planned_pool, _)| planned_pool != pool);
        plan.workers.push((*pool, *count));
    }
    plan.provider_url.clone_from(&args.provider_url);
    plan.restore_with.clone_from(&args.restore_with);
    plan.progress = Arc::new(print);
    tokio::runtime::Runtime::new()?.block_on(async {
        let shutdown = Shutdown::listen()?;
        let Some(mut cluster) =
            shutdown.run_until_requested(Cluster::start(plan, &catalog)).await.transpose()?
        else {
            return Ok(());
        };
        let file = cluster.endpoints().write(Path::new("."))?;
        print(&format!(
            "cluster ready; post orders to {}",
            cluster.endpoints().edge_urls.join(" and ")
        ));
        print(&format!("addresses are in {}; press Ctrl-C to stop", file.display()));
        let supervised = supervise(&mut cluster, args.autoscale);
        let supervised = shutdown.run_until_requested(supervised).await.transpose();
        print("stopping the cluster");
        let removed = std::fs::remove_file(ENV_FILE).and(nats_contexts::remove(Path::new(".")));
        let removed = removed.context("removing the files with the addresses");
        supervised.map(drop).and(cluster.stop().await).and(removed)
    })
}

/// Restarts exited processes, and with `autoscale` scales the pools, until the future is dropped.
async fn supervise(cluster: &mut Cluster, autoscale: bool) -> Result<()> {
    let scaling = if autoscale { Some(Scaling::start(cluster).await?) } else { None };
    loop {
        sleep(SUPERVISE_INTERVAL).await;
        cluster.supervise().await?;
        if let Some(scaling) = &scaling {
            cluster.scale(scaling).await;
        }
    }
}

fn parse_pool_size(text: &str) -> Result<PoolSize> {
    let Some((pool, count)) = text.split_once('=') else {
        bail!("expected POOL=N, such as payment=3");
    };
    let count = count.parse().with_context(|| format!("`{count}` is not a number of workers"))?;
    Ok(PoolSize(stages::pool_named(pool).map_err(anyhow::Error::msg)?, count))
}

#[expect(clippy::print_stderr, reason = "progress is printed while the command runs")]
fn print(line: &str) {
    eprintln!("{line}");
}
