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

use super::scene::Wanted;
use super::{BenchName, BenchReport, bench};
use crate::servers::ProgressFn;

/// Shorter measures nothing, longer than an hour fills the disk.
const TIME_RANGE: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_hours(1);
/// The line of progress turns so often.
const TURN_EVERY: Duration = Duration::from_millis(200);

/// What to measure.
#[derive(Debug, Clone, Args)]
pub struct BenchArgs {
    /// Which benches [default: all of them]
    #[arg(value_name = "NAME")]
    names: Vec<BenchName>,
    /// durable, fast or single [default: durable, and intake under each]
    #[arg(long)]
    profile: Option<Profile>,
    /// How long one repetition of what is compared lasts; side measurements take a third of it
    #[arg(long = "for", value_name = "DURATION", default_value = "2s", value_parser = time)]
    lasts: Duration,
    /// Write report.json and report.html into this folder
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// The baskets, one JSON object a line [default: a sample of a real retailer's]
    #[arg(long, value_name = "FILE", requires = "catalog")]
    orders: Option<PathBuf>,
    /// The catalogue that the baskets need, one JSON object a line
    #[arg(long, value_name = "FILE")]
    catalog: Option<PathBuf>,
}

/// Measures and tells. Fails where a bench or an audit does.
pub fn run(args: &BenchArgs) -> Result<ExitCode> {
    let names = if args.names.is_empty() { BenchName::ALL.to_vec() } else { args.names.clone() };
    let BenchArgs { lasts, profile, orders, catalog, .. } = args.clone();
    let wanted = Wanted { time: lasts, profile, orders, catalog };
    tokio::runtime::Runtime::new()?.block_on(async {
        let shutdown = Shutdown::listen()?;
        let (line, tell) = progress();
        let report = shutdown.or(bench(&names, &wanted, tell)).await.transpose();
        line.finish_and_clear();
        let Some(report) = report? else { return Ok(ExitCode::from(INTERRUPTED)) };
        if let Some(folder) = &args.report {
            report.write(folder)?;
        }
        show(&report);
        Ok(if report.passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

fn time(text: &str) -> Result<Duration> {
    let time = streams::duration(text)?;
    ensure!(TIME_RANGE.contains(&time), "give 100ms to 1h");
    Ok(time)
}

/// A line on a terminal that is written anew; lines one after the other anywhere else.
fn progress() -> (ProgressBar, Arc<ProgressFn>) {
    if !io::stderr().is_terminal() {
        return (ProgressBar::hidden(), Arc::new(say));
    }
    let line = ProgressBar::new_spinner();
    let style = ProgressStyle::with_template("{spinner} {elapsed_precise} {wide_msg}");
    line.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    line.enable_steady_tick(TURN_EVERY);
    let told = line.clone();
    (line, Arc::new(move |text: &str| told.set_message(text.to_owned())))
}

#[expect(clippy::print_stderr, reason = "this is what the command has to say while it works")]
fn say(line: &str) {
    eprintln!("{line}");
}

#[expect(clippy::print_stdout, reason = "the figures are what the command is for")]
fn show(report: &BenchReport) {
    println!("{report}");
}
