//! `millrace-lab bench`.

use std::io::{self, IsTerminal};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use millrace::shutdown::{INTERRUPTED, Shutdown};
use streams::Profile;

use super::context::BenchOptions;
use super::{BenchName, BenchReport, bench, report_files};
use crate::servers::ProgressFn;

/// A shorter repetition has too few orders to measure; one longer than an hour fills the disk.
const TIME_RANGE: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_hours(1);
/// The interval at which the spinner turns.
const TICK_INTERVAL: Duration = Duration::from_millis(200);

/// The arguments of `millrace-lab bench`.
#[derive(Debug, Clone, Args)]
pub struct BenchArgs {
    /// Benchmarks to run [default: all]
    #[arg(value_name = "NAME")]
    names: Vec<BenchName>,
    /// durable, fast or single [default: durable; intake is measured under each]
    #[arg(long)]
    profile: Option<Profile>,
    /// Duration of one repetition of a comparison; side measurements take a third of it
    #[arg(long = "for", value_name = "DURATION", default_value = "2s", value_parser = repetition)]
    time: Duration,
    /// Write report.json and report.html into this folder
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// Baskets to order, one JSON object per line [default: a sample of a real retailer's]
    #[arg(long, value_name = "FILE", requires = "catalog")]
    orders: Option<PathBuf>,
    /// Catalogue with the SKUs of the baskets, one JSON object per line
    #[arg(long, value_name = "FILE")]
    catalog: Option<PathBuf>,
    /// Seed of the random strikes of `failover`
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Runs the benchmarks and prints the report. Exits with failure if a benchmark or an audit fails.
pub fn run(args: &BenchArgs) -> Result<ExitCode> {
    let names = if args.names.is_empty() { BenchName::ALL.to_vec() } else { args.names.clone() };
    let BenchArgs { time, profile, orders, catalog, seed, .. } = args.clone();
    let options = BenchOptions { time, profile, orders, catalog, seed };
    tokio::runtime::Runtime::new()?.block_on(async {
        let shutdown = Shutdown::listen()?;
        let (bar, progress) = progress();
        let report =
            shutdown.run_until_requested(bench(&names, &options, progress)).await.transpose();
        bar.finish_and_clear();
        let Some(report) = report? else { return Ok(ExitCode::from(INTERRUPTED)) };
        if let Some(folder) = &args.report {
            report_files::write(&report, folder)?;
        }
        print(&report);
        Ok(if report.passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

fn repetition(text: &str) -> Result<Duration> {
    let time = streams::parse_duration(text)?;
    ensure!(TIME_RANGE.contains(&time), "duration must be from 100ms to 1h");
    Ok(time)
}

/// A spinner if standard error is a terminal, otherwise one line for each step.
fn progress() -> (ProgressBar, Arc<ProgressFn>) {
    if !io::stderr().is_terminal() {
        return (ProgressBar::hidden(), Arc::new(print_progress));
    }
    let bar = ProgressBar::new_spinner();
    let style = ProgressStyle::with_template("{spinner} {elapsed_precise} {wide_msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar.enable_steady_tick(TICK_INTERVAL);
    let spinner = bar.clone();
    (bar, Arc::new(move |text: &str| spinner.set_message(text.to_owned())))
}

#[expect(clippy::print_stderr, reason = "progress of the command")]
fn print_progress(line: &str) {
    eprintln!("{line}");
}

#[expect(clippy::print_stdout, reason = "the report is the output of the command")]
fn print(report: &BenchReport) {
    println!("{report}");
}
