//! `millrace audit`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use orders::Timestamp;
use streams::Connection;
use workers::payment::provider::Limits;

use super::{AuditMode, AuditSources, Promised, Repaired, Report, Restored, audit, repair};
use crate::addresses::{BrokersAddress, DatabaseAddress, ProfileOption, ProviderAddress};
use crate::keys::Role;
use crate::ledger;
use crate::limits::{PROVIDER_PAGE_SIZE, PROVIDER_PAGE_TIMEOUT};

/// Addresses of the systems that an audit compares.
#[derive(Clone, Args)]
pub struct AuditAddresses {
    /// Durability of the cluster.
    #[command(flatten)]
    pub profile: ProfileOption,
    /// The brokers.
    #[command(flatten)]
    pub brokers: BrokersAddress,
    /// The database.
    #[command(flatten)]
    pub database: DatabaseAddress,
    /// The payment provider.
    #[command(flatten)]
    pub provider: ProviderAddress,
}

/// Options of `millrace audit`.
#[derive(Clone, Args)]
pub struct AuditArgs {
    #[command(flatten)]
    sources: AuditAddresses,
    /// The client's ledger of 202s: no order in it may be lost. Without it, lost orders are not looked
    /// for
    #[arg(long, value_name = "FILE")]
    ledger: Option<PathBuf>,
    /// Republish the last event of each stuck order, or request its cancellation if the stream no
    /// longer has the event
    #[arg(long)]
    repair: bool,
    /// The streams were restored from a backup that was begun at this time, such as 2026-11-27T22:00:00Z.
    /// They lack events of orders that have advanced since, and --repair rebuilds the last one of each
    #[arg(long, value_name = "TIME")]
    restored: Option<Timestamp>,
    /// Write the findings to this file as JSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

/// Audits a running cluster. The exit code is a failure if the audit finds a problem.
pub(crate) fn run(args: &AuditArgs) -> Result<ExitCode> {
    let promised = args.ledger.as_deref().map(read_promised).transpose()?;
    tokio::runtime::Runtime::new()?.block_on(async {
        let role = if args.repair { Role::Admin } else { Role::Auditor };
        let sources = AuditSources::open(&args.sources, role).await?;
        let restored = args.restored.map(Restored::from_backup_at);
        let report = Report { restored, ..Report::new(args.sources.profile.get()?) };
        let findings = audit(&sources, report, promised.as_ref(), AuditMode::Live).await?;
        if let Some(file) = &args.report {
            findings.report.write(file)?;
        }
        print(&findings.report.to_string());
        if args.repair {
            let Repaired { republished, rebuilt, cancelled } =
                repair(&sources, &findings.stuck).await?;
            print(&format!(
                "{republished} events of stuck orders republished, {rebuilt} rebuilt from rows, the \
                 cancellation of {cancelled} requested; run the audit again to check\n"
            ));
        }
        Ok(if findings.report.passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

fn read_promised(ledger: &Path) -> Result<Promised> {
    let ledger = ledger::read(ledger)?;
    Promised::of_ledger(&ledger.acknowledged)?.with_answers(&ledger.answers)
}

/// The limits of an audit's requests to the payment provider.
pub(crate) fn audit_limits() -> Limits {
    Limits { page: PROVIDER_PAGE_SIZE, attempt_timeout: PROVIDER_PAGE_TIMEOUT, ..Limits::default() }
}

impl AuditSources {
    /// Connects to the sources of a running cluster, to the brokers as `role`.
    pub async fn open(addresses: &AuditAddresses, role: Role) -> Result<Self> {
        Ok(Self {
            connection: Connection::open(&addresses.brokers.access(role)?, "audit").await?,
            database: addresses.database.open()?,
            provider: addresses.provider.client(audit_limits())?,
        })
    }
}

#[expect(clippy::print_stdout, reason = "the findings are the command's output")]
fn print(text: &str) {
    print!("{text}");
}
