//! `millrace-lab chaos`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args;
use millrace::shutdown::{INTERRUPTED, Shutdown};
use streams::{Pool, Profile};

use super::{Chaos, ChaosReport, Fault, catalog, chaos, environment};
use crate::up::{Cluster, Plan};

/// Workers of each pool: one does the work of another that is killed or paused.
const WORKERS: usize = 2;
/// Shorter runs have room for no fault.
const TIME_MIN: Duration = Duration::from_secs(10);

/// What is to happen.
#[derive(Debug, Clone, Args)]
pub struct ChaosArgs {
    /// What the plan of faults and the orders are drawn from [default: a new one]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// How long orders come and faults happen: 90s, 5m
    #[arg(long = "for", value_name = "DURATION", default_value = "120s", value_parser = time)]
    lasts: Duration,
    /// Orders a second
    #[arg(long, default_value = "100", value_parser = clap::value_parser!(u32).range(1..=5_000))]
    rate: u32,
    /// What may happen, separated by commas [default: everything]
    #[arg(long, value_delimiter = ',', value_name = "FAULT,…")]
    faults: Vec<Fault>,
    /// durable: three brokers, every write on disk; fast: three brokers; single: one broker
    #[arg(long, default_value_t = Profile::Durable)]
    profile: Profile,
    /// Write the report as JSON
    #[arg(long, value_name = "FILE.json")]
    report: Option<PathBuf>,
    /// Leave the folder with logs and ledger where it is, also after a clean run
    #[arg(long)]
    keep: bool,
}

/// Starts a cluster, lets it happen, audits, stops. Succeeds only with a clean verdict.
pub fn run(args: &ChaosArgs) -> Result<ExitCode> {
    let wanted = args.chaos()?;
    tokio::runtime::Runtime::new()?.block_on(async {
        let shutdown = Shutdown::listen()?;
        let whole = shutdown.or(whole(args, &wanted)).await;
        let Some(report) = whole.transpose()? else { return Ok(ExitCode::from(INTERRUPTED)) };
        if let Some(file) = &args.report {
            report.write(file)?;
        }
        show(&report);
        Ok(if report.audit.passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

impl ChaosArgs {
    fn chaos(&self) -> Result<Chaos> {
        let mut faults =
            if self.faults.is_empty() { Fault::ALL.to_vec() } else { self.faults.clone() };
        if self.profile.brokers() == 1 {
            faults.retain(|fault| !fault.needs_quorum());
        }
        if faults.is_empty() {
            bail!("--faults: these need the three brokers of another profile");
        }
        let seed = self.seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
        Ok(Chaos { seed, lasts: self.lasts, rate: self.rate, faults })
    }
}

async fn whole(args: &ChaosArgs, wanted: &Chaos) -> Result<ChaosReport> {
    let mut plan = Plan::new(args.profile)?;
    plan.tell = Arc::new(say);
    plan.partitionable = true;
    plan.envs = environment();
    plan.workers = Pool::ALL.map(|pool| (pool, WORKERS)).to_vec();
    say(&format!("seed {}", wanted.seed));
    let mut cluster = Cluster::start(plan, &catalog()).await?;
    let report = chaos(&mut cluster, wanted, &say).await;
    if args.keep || !report.as_ref().is_ok_and(|report| report.audit.passed) {
        cluster.folder.keep();
        say(&format!("logs and ledger stay in {}", cluster.folder.path().display()));
    }
    say("stopping");
    cluster.stop().await?;
    report
}

fn time(text: &str) -> Result<Duration> {
    let time = streams::duration(text)?;
    if time < TIME_MIN {
        bail!("give ten seconds at least");
    }
    Ok(time)
}

#[expect(clippy::print_stderr, reason = "this is what the command has to say while it works")]
fn say(line: &str) {
    eprintln!("{line}");
}

#[expect(clippy::print_stdout, reason = "the verdict is what the command is for")]
fn show(report: &ChaosReport) {
    println!("\n{report}");
}
