//! `millrace-lab demo`: real orders are carried to their end, and an audit says whether every promise
//! was kept.

mod carry;
mod progress;
mod report;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use millrace::audit::{AuditMode, AuditSources};
use millrace::shutdown::{INTERRUPTED, Shutdown};
use streams::Profile;
use workers::inventory::stock::{self, CatalogItem};

use crate::endpoints::ClusterAddresses;
use crate::input::{self, OrderRow};
use crate::up::{Cluster, Plan};
use carry::Carrier;
use progress::Progress;
use report::DemoReport;

/// One buyer in so many pays with a card that the bank declines: the way back is shown, too.
const DECLINED_EVERY: usize = 25;
const DECLINED_TOKEN: &str = "tok_insufficientFunds";

/// What to carry.
#[derive(Clone, Args)]
pub struct DemoArgs {
    #[command(flatten)]
    addresses: ClusterAddresses,
    /// The orders, one JSON object a line [default: 1,000 real ones]
    #[arg(long, value_name = "FILE")]
    orders: Option<PathBuf>,
    /// The catalogue, one JSON object a line [default: the one that belongs to the sample's orders]
    #[arg(long, value_name = "FILE")]
    catalog: Option<PathBuf>,
    /// Use a cluster that runs already instead of starting one
    #[arg(long, conflicts_with = "keep")]
    running: bool,
    /// Write the report as JSON
    #[arg(long, value_name = "FILE.json")]
    report: Option<PathBuf>,
    /// Leave the folder with logs and ledger where it is
    #[arg(long)]
    keep: bool,
}

/// Starts a cluster, posts the orders, waits until all are final, audits, stops.
pub fn run(args: &DemoArgs) -> Result<ExitCode> {
    let catalog = input::catalog(args.catalog.as_deref())?;
    let orders = with_declined(input::orders(args.orders.as_deref())?);
    tokio::runtime::Runtime::new()?.block_on(async {
        let shutdown = Shutdown::listen()?;
        let whole = shutdown.or(whole(args, &catalog, &orders)).await;
        let Some(report) = whole.transpose()? else { return Ok(ExitCode::from(INTERRUPTED)) };
        if let Some(file) = &args.report {
            report.write(file)?;
        }
        show(&report);
        Ok(if report.audit.passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

async fn whole(args: &DemoArgs, catalog: &[CatalogItem], rows: &[OrderRow]) -> Result<DemoReport> {
    let progress = Progress::start();
    if args.running {
        let books = AuditSources::open(&args.addresses.sources).await?;
        streams::verify_durability_at_start(
            &books.connection,
            args.addresses.sources.profile.get()?,
        )
        .await?;
        stock::load(&books.database, catalog).await.context("loading the catalogue")?;
        let folder = tempfile::tempdir()?;
        let (addresses, progress, mode) = (&args.addresses, &progress, AuditMode::Live);
        return Carrier { books: &books, addresses, mode, progress }
            .carry(rows, folder.path())
            .await;
    }
    let mut plan = Plan::new(args.addresses.sources.profile.profile.unwrap_or(Profile::Durable))?;
    plan.tell = progress.teller();
    let mut cluster = Cluster::start(plan, catalog).await?;
    if args.keep {
        cluster.folder.keep();
        progress.say(&format!("logs and ledger stay in {}", cluster.folder.path().display()));
    }
    let addresses = cluster.endpoints().addresses();
    let report = async {
        let books = AuditSources::open(&addresses.sources).await?;
        let (addresses, progress, mode) = (&addresses, &progress, AuditMode::Quiesced);
        let carrier = Carrier { books: &books, addresses, mode, progress };
        carrier.carry(rows, cluster.folder.path()).await
    };
    let report = report.await;
    progress.say("stopping");
    cluster.stop().await?;
    report
}

fn with_declined(rows: Vec<OrderRow>) -> Vec<OrderRow> {
    let token = |(index, row): (usize, OrderRow)| {
        let declined = (index + 1).is_multiple_of(DECLINED_EVERY) && !row.has_token();
        if declined { row.paid_with(DECLINED_TOKEN) } else { row }
    };
    rows.into_iter().enumerate().map(token).collect()
}

#[expect(clippy::print_stdout, reason = "the report is what the command is for")]
fn show(report: &DemoReport) {
    println!("\n{report}");
}
