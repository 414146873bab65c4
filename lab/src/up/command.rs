//! `millrace-lab up`: a cluster that stays up.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use millrace::addresses::ENV_FILE;
use millrace::shutdown::Shutdown;
use streams::{Pool, Profile};
use tokio::time::sleep;

use super::{Cluster, Plan};
use crate::input;

/// Between two looks whether all that was started runs still.
const TEND_EVERY: Duration = Duration::from_secs(1);

/// A pool and how many workers it has.
#[derive(Debug, Clone, Copy)]
struct Workers(Pool, usize);

/// What to start.
#[derive(Debug, Clone, Args)]
pub struct UpArgs {
    /// The catalogue, one JSON object a line [default: a sample of a real retailer's]
    #[arg(long, value_name = "FILE")]
    catalog: Option<PathBuf>,
    /// durable: three brokers, every write on disk; fast: three brokers; single: one broker
    #[arg(long, default_value_t = Profile::Durable)]
    profile: Profile,
    /// How many edges
    #[arg(long, value_name = "N", default_value = "2")]
    edges: usize,
    /// How many workers a pool has; may be given for each pool
    #[arg(long, value_name = "POOL=N", value_parser = workers)]
    workers: Vec<Workers>,
}

/// Starts a cluster, says where it is reached, and ends it at Ctrl-C or SIGTERM.
pub fn run(args: &UpArgs) -> Result<()> {
    let catalog = input::catalog(args.catalog.as_deref())?;
    let mut plan = Plan::new(args.profile)?;
    plan.edges = args.edges;
    for Workers(pool, count) in &args.workers {
        plan.workers.retain(|(its_pool, _)| its_pool != pool);
        plan.workers.push((*pool, *count));
    }
    plan.tell = Arc::new(say);
    tokio::runtime::Runtime::new()?.block_on(async {
        let shutdown = Shutdown::listen()?;
        let Some(mut cluster) = shutdown.or(Cluster::start(plan, &catalog)).await.transpose()?
        else {
            return Ok(());
        };
        let file = cluster.endpoints().write(Path::new("."))?;
        say(&format!("ready: orders go to {}", cluster.endpoints().edge_urls.join(" and ")));
        say(&format!("{} says where everything is; Ctrl-C ends it", file.display()));
        let tended = shutdown.or(tend(&mut cluster)).await.transpose();
        say("stopping");
        let removed = std::fs::remove_file(ENV_FILE).context("removing the file of endpoints");
        tended.map(drop).and(cluster.stop().await).and(removed)
    })
}

/// Starts again what ends, until it is dropped.
async fn tend(cluster: &mut Cluster) -> Result<()> {
    loop {
        sleep(TEND_EVERY).await;
        cluster.tend().await?;
    }
}

fn workers(text: &str) -> Result<Workers> {
    let Some((pool, count)) = text.split_once('=') else {
        bail!("give a pool and a number, such as payment=3");
    };
    let count = count.parse().with_context(|| format!("`{count}` is no number"))?;
    Ok(Workers(pool.parse()?, count))
}

#[expect(clippy::print_stderr, reason = "this is what the command has to say while it works")]
fn say(line: &str) {
    eprintln!("{line}");
}
