//! `millrace-lab chaos`: starts a cluster, injects faults under load, and audits.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use millrace::shutdown::{INTERRUPTED, Shutdown};
use streams::Profile;
use workers::stages;

use super::possible_faults::possible_faults;
use super::{ChaosConfig, ChaosReport, Fault, catalog, environment, run_chaos};
use crate::servers::Protection;
use crate::up::{Cluster, Plan};

/// Workers per pool: one takes over when another is killed or paused.
const WORKERS_PER_POOL: usize = 2;
/// The shortest run that has time for every fault.
const DURATION_MIN: Duration = Duration::from_secs(10);

/// The options of `chaos`.
#[derive(Debug, Clone, Args)]
pub struct ChaosArgs {
    /// Seed of the schedule of faults and of the orders [default: random]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Duration of the load, such as 90s or 5m
    #[arg(
        long = "for",
        value_name = "DURATION",
        default_value = "120s",
        value_parser = parse_duration
    )]
    duration: Duration,
    /// Orders per second
    #[arg(long, default_value = "100", value_parser = clap::value_parser!(u32).range(1..=5_000))]
    rate: u32,
    /// Faults to inject, separated by commas [default: all; `freeze-broker`,
    /// `freeze-postgres` and `disk-full` only in a run of 5 minutes or more]
    #[arg(long, value_delimiter = ',', value_name = "FAULT,…")]
    faults: Vec<Fault>,
    /// Binary of an earlier version, such as `millrace`: `rolling-restart` changes between the two
    #[arg(long, value_name = "FILE", value_parser = parse_binary)]
    previous_binary: Option<PathBuf>,
    /// durable: 3 brokers, fsync on every write; fast: 3 brokers, periodic fsync; single: 1 broker
    #[arg(long, default_value_t = Profile::Durable)]
    profile: Profile,
    /// Write the report as JSON
    #[arg(long, value_name = "FILE.json")]
    report: Option<PathBuf>,
    /// Keep the folder with logs and ledger even if the audit passed
    #[arg(long)]
    keep: bool,
}

/// Starts a cluster, injects faults under load, audits, and stops the cluster. Exits with 0 only if
/// the audit passed.
///
/// # Errors
/// The options are invalid, or the cluster cannot be started, used or stopped.
pub fn run(args: &ChaosArgs) -> Result<ExitCode> {
    let config = args.config()?;
    tokio::runtime::Runtime::new()?.block_on(async {
        let shutdown = Shutdown::listen()?;
        let report = shutdown.run_until_requested(run_on_new_cluster(args, &config)).await;
        let Some(report) = report.transpose()? else { return Ok(ExitCode::from(INTERRUPTED)) };
        if let Some(file) = &args.report {
            report.write(file)?;
        }
        print_report(&report);
        Ok(if report.audit.passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

impl ChaosArgs {
    fn config(&self) -> Result<ChaosConfig> {
        let wanted = match self.faults.as_slice() {
            [] => Fault::all_within(self.duration),
            faults => faults.to_vec(),
        };
        let has_previous_binary = self.previous_binary.is_some();
        let faults = possible_faults(wanted, self.profile, has_previous_binary, &print);
        if faults.is_empty() {
            bail!(
                "--faults: no such fault can be injected; most need a profile with three brokers"
            );
        }
        let seed = self.seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
        Ok(ChaosConfig {
            seed,
            duration: self.duration,
            rate: self.rate,
            faults,
            previous_binary: self.previous_binary.clone(),
        })
    }
}

async fn run_on_new_cluster(args: &ChaosArgs, config: &ChaosConfig) -> Result<ChaosReport> {
    let mut plan = Plan::new(args.profile)?;
    plan.progress = Arc::new(print);
    plan.partitionable = true;
    plan.store_disks = config.faults.contains(&Fault::DiskFull);
    plan.envs = environment();
    plan.previous_binary.clone_from(&config.previous_binary);
    if plan.previous_binary.is_some() {
        plan.protection = Protection::WithoutTls;
    }
    plan.workers = stages::pools().into_iter().map(|pool| (pool, WORKERS_PER_POOL)).collect();
    print(&format!("seed {}", config.seed));
    let mut cluster = Cluster::start(plan, &catalog()).await?;
    let report = run_chaos(&mut cluster, config, &print).await;
    if args.keep || !report.as_ref().is_ok_and(|report| report.audit.passed) {
        cluster.folder.keep();
        print(&format!("keeping logs and ledger in {}", cluster.folder.path().display()));
    }
    print("stopping the cluster");
    cluster.stop().await?;
    report
}

fn parse_duration(text: &str) -> Result<Duration> {
    let duration = streams::parse_duration(text)?;
    if duration < DURATION_MIN {
        bail!("expected a duration of at least 10s");
    }
    Ok(duration)
}

/// An absolute path, because processes run in folders of their own.
fn parse_binary(path: &str) -> Result<PathBuf> {
    let path = Path::new(path).canonicalize().with_context(|| format!("cannot find {path}"))?;
    if !path.is_file() {
        bail!("expected a program");
    }
    Ok(path)
}

#[expect(clippy::print_stderr, reason = "progress is printed while the command runs")]
fn print(line: &str) {
    eprintln!("{line}");
}

#[expect(clippy::print_stdout, reason = "the report is the output of the command")]
fn print_report(report: &ChaosReport) {
    println!("\n{report}");
}
