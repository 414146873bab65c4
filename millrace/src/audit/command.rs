//! `millrace audit`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use streams::Connection;
use workers::database::Database;
use workers::payment::provider::Limits;

use super::{AuditMode, AuditSources, Report, audit, repair};
use crate::addresses::{BrokersAddress, DatabaseAddress, ProfileOption, ProviderAddress};
use crate::ledger;

/// Pages of the provider's lists: our own provider gives more at once than Stripe would.
const PROVIDER_PAGE: u16 = 10_000;
/// How long the provider may take for such a page: an audit can wait where a checkout cannot.
const PAGE_PATIENCE: Duration = Duration::from_secs(30);

/// The parts of a running cluster that an audit compares.
#[derive(Clone, Args)]
pub struct AuditAddresses {
    /// How durable the cluster is.
    #[command(flatten)]
    pub profile: ProfileOption,
    /// The streams.
    #[command(flatten)]
    pub brokers: BrokersAddress,
    /// The rows.
    #[command(flatten)]
    pub database: DatabaseAddress,
    /// The money.
    #[command(flatten)]
    pub provider: ProviderAddress,
}

/// What to audit.
#[derive(Clone, Args)]
pub struct AuditArgs {
    #[command(flatten)]
    sources: AuditAddresses,
    /// The client's ledger of 202s: each of its orders must be there
    #[arg(long, value_name = "FILE")]
    ledger: Option<PathBuf>,
    /// Publish the last event of stuck orders again
    #[arg(long)]
    repair: bool,
    /// Write the findings as JSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

/// Audits a running cluster. Fails when something is not as it must be.
pub(crate) fn run(args: &AuditArgs) -> Result<ExitCode> {
    let ledger = args.ledger.as_deref().map(ledger::read).transpose()?.unwrap_or_default();
    tokio::runtime::Runtime::new()?.block_on(async {
        let books = AuditSources::open(&args.sources).await?;
        let report = Report::new(args.sources.profile.get()?);
        let findings = audit(&books, report, &ledger, AuditMode::Live).await?;
        if let Some(file) = &args.report {
            findings.report.write(file)?;
        }
        show(&findings.report.to_string());
        if args.repair {
            let pushed = repair(&books.connection, &findings.stuck).await?;
            show(&format!("{pushed} orders got another push; audit again to see them arrive\n"));
        }
        Ok(if findings.report.passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

impl AuditSources {
    /// Opens the books of a running cluster.
    pub async fn open(sources: &AuditAddresses) -> Result<Self> {
        let limits = Limits { page: PROVIDER_PAGE, per_try: PAGE_PATIENCE, ..Limits::default() };
        Ok(Self {
            connection: Connection::open(&sources.brokers.url()?, "audit").await?,
            database: Database::open(&sources.database.url()?)?,
            provider: sources.provider.client(limits)?,
        })
    }
}

#[expect(clippy::print_stdout, reason = "the findings are what the command is for")]
fn show(text: &str) {
    print!("{text}");
}
