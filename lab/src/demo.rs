//! `millrace-lab demo`: processes sample orders on a cluster, then audits that every guarantee was
//! kept.

mod progress;
mod report;
mod run;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use millrace::audit::{AuditMode, AuditSources};
use millrace::keys::Role;
use millrace::shutdown::{INTERRUPTED, Shutdown};
use streams::Profile;
use workers::inventory::stock::{self, CatalogItem};

use crate::endpoints::ClusterAddresses;
use crate::input::{self, OrderRow};
use crate::up::{Cluster, Plan};
use progress::Progress;
use report::DemoReport;
use run::DemoRun;

/// Every 25th order is paid with a card that the bank declines, so that the demo also shows
/// cancellation.
const DECLINED_EVERY: usize = 25;
const DECLINED_TOKEN: &str = "tok_insufficientFunds";

/// The options of the demo.
#[derive(Clone, Args)]
pub struct DemoArgs {
    #[command(flatten)]
    addresses: ClusterAddresses,
    /// Orders as JSON Lines [default: 1,000 orders of a real retailer]
    #[arg(long, value_name = "FILE")]
    orders: Option<PathBuf>,
    /// Catalogue as JSON Lines [default: the catalogue of the sample orders]
    #[arg(long, value_name = "FILE")]
    catalog: Option<PathBuf>,
    /// Use a running cluster instead of starting one
    #[arg(long, conflicts_with = "keep")]
    running: bool,
    /// Write the report as JSON
    #[arg(long, value_name = "FILE.json")]
    report: Option<PathBuf>,
    /// Keep the folder with logs and ledger
    #[arg(long)]
    keep: bool,
}

/// Starts a cluster, posts the orders, waits until all are final, audits, and stops the cluster.
/// Exits with 0 only if the audit passed.
///
/// # Errors
/// A file cannot be read or written, or the cluster cannot be started, used or stopped.
pub fn run(args: &DemoArgs) -> Result<ExitCode> {
    let catalog = input::catalog(args.catalog.as_deref())?;
    let orders = with_declined_cards(input::orders(args.orders.as_deref())?);
    tokio::runtime::Runtime::new()?.block_on(async {
        let shutdown = Shutdown::listen()?;
        let report = shutdown.run_until_requested(run_demo(args, &catalog, &orders)).await;
        let Some(report) = report.transpose()? else { return Ok(ExitCode::from(INTERRUPTED)) };
        if let Some(file) = &args.report {
            report.write(file)?;
        }
        print_report(&report);
        Ok(if report.audit.passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

async fn run_demo(
    args: &DemoArgs,
    catalog: &[CatalogItem],
    rows: &[OrderRow],
) -> Result<DemoReport> {
    let progress = Progress::start();
    if args.running {
        let sources = AuditSources::open(&args.addresses.sources, Role::Auditor).await?;
        let profile = args.addresses.sources.profile.get()?;
        streams::verify_durability_at_start(&sources.connection, profile).await?;
        stock::load(&sources.database, catalog).await.context("loading the catalogue")?;
        let folder = tempfile::tempdir()?;
        let (addresses, progress, mode) = (&args.addresses, &progress, AuditMode::Live);
        let demo = DemoRun { sources: &sources, addresses, mode, progress };
        return demo.run_to_completion(rows, folder.path()).await;
    }
    let mut plan = Plan::new(args.addresses.sources.profile.profile.unwrap_or(Profile::Durable))?;
    plan.progress = progress.reporter();
    let mut cluster = Cluster::start(plan, catalog).await?;
    if args.keep {
        cluster.folder.keep();
        progress.print(&format!("keeping logs and ledger in {}", cluster.folder.path().display()));
    }
    let addresses = cluster.endpoints().addresses();
    let report = async {
        let sources = AuditSources::open(&addresses.sources, Role::Auditor).await?;
        let (addresses, progress, mode) = (&addresses, &progress, AuditMode::Quiesced);
        let demo = DemoRun { sources: &sources, addresses, mode, progress };
        demo.run_to_completion(rows, cluster.folder.path()).await
    };
    let report = report.await;
    progress.print("stopping the cluster");
    cluster.stop().await?;
    report
}

fn with_declined_cards(rows: Vec<OrderRow>) -> Vec<OrderRow> {
    let with_token = |(index, row): (usize, OrderRow)| {
        let is_declined = (index + 1).is_multiple_of(DECLINED_EVERY) && !row.has_token();
        if is_declined { row.with_payment_token(DECLINED_TOKEN) } else { row }
    };
    rows.into_iter().enumerate().map(with_token).collect()
}

#[expect(clippy::print_stdout, reason = "the report is the output of the command")]
fn print_report(report: &DemoReport) {
    println!("\n{report}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_twenty_fifth_buyer_of_the_sample_pays_with_a_card_that_is_declined() {
        let rows = with_declined_cards(input::orders(None).unwrap());
        let declined =
            |row: &OrderRow| String::from_utf8(row.body()).unwrap().contains(DECLINED_TOKEN);
        for (number, row) in (1..).zip(&rows) {
            assert_eq!(declined(row), number % 25 == 0, "order {number}");
        }
    }
}
