//! The roles and commands of the binary, and the exit code of the process.

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

use crate::admin::AdminConfig;
use crate::audit::AuditArgs;
use crate::dead_letters::DeadArgs;
use crate::erase::EraseArgs;
use crate::health::HealthArgs;
use crate::import::ImportArgs;
use crate::intake::IntakeArgs;
use crate::keys::KeysArgs;
use crate::lanes::LanesArgs;
use crate::migrate::MigrateArgs;
use crate::observer_report::ObserverReportArgs;
use crate::passwords::PasswordsArgs;
use crate::pool::PoolArgs;
use crate::status::StatusArgs;
use crate::stock::StockArgs;
use crate::tail::TailArgs;
use crate::token::TokenArgs;
use crate::{
    admin, audit, dead_letters, edge, erase, health, import, intake, keys, lanes, migrate,
    observer_report, passwords, pool, status, stock, tail, token, worker,
};

/// A role or a command.
#[derive(Clone, Subcommand)]
pub enum Command {
    /// Run one edge: the HTTP server that acknowledges orders
    Edge(Box<::edge::Config>),
    /// Run one worker of a pool
    #[command(subcommand)]
    Worker(Box<workers::Config>),
    /// Run one process that serves repairs to operators with the nats CLI
    Admin(Box<AdminConfig>),
    /// Create or update streams and tables
    Migrate(MigrateArgs),
    /// Write passwords for PostgreSQL and Redis, one for each role
    Passwords(PasswordsArgs),
    /// Make the keys by which the brokers know each role
    Keys(KeysArgs),
    /// Make keys that sign tokens of callers, and tokens
    Token(TokenArgs),
    /// Change the number of lanes, the streams of orders, of a running cluster
    Lanes(LanesArgs),
    /// Check the health of the role in this container
    Health(HealthArgs),
    /// Show cluster status: workers, lag, streams and brokers
    Status(StatusArgs),
    /// Pause, resume and limit the workers of a pool
    Pool(PoolArgs),
    /// Pause, resume and limit the intake of orders at all edges
    Intake(IntakeArgs),
    /// Follow the events of single orders
    Tail(TailArgs),
    /// List, inspect and resolve dead letters
    Dead(DeadArgs),
    /// Erase what is known of a customer
    Erase(EraseArgs),
    /// Change the stock on hand, or load a catalogue
    Stock(StockArgs),
    /// Place the orders of a file
    Import(ImportArgs),
    /// Check that ledger, stream, database and payment provider of a running cluster agree
    Audit(AuditArgs),
    /// The report of a pool that only observes
    #[command(flatten)]
    Observer(ObserverReportArgs),
}

impl Command {
    /// Whether its output is its log, as that of a role and of a migration.
    pub const fn writes_log(&self) -> bool {
        matches!(self, Self::Edge(_) | Self::Worker(_) | Self::Admin(_) | Self::Migrate(_))
    }

    /// Runs the role or command until it ends.
    pub fn run(self) -> Result<ExitCode> {
        match self {
            Self::Edge(config) => edge::run(*config)?,
            Self::Worker(config) => worker::run(*config)?,
            Self::Admin(config) => admin::run(&config)?,
            Self::Migrate(args) => migrate::run(&args)?,
            Self::Passwords(args) => passwords::run(&args)?,
            Self::Keys(args) => keys::run(&args)?,
            Self::Token(args) => token::run(&args)?,
            Self::Lanes(args) => lanes::run(&args)?,
            Self::Health(args) => return health::run(&args),
            Self::Status(args) => status::run(&args)?,
            Self::Pool(args) => pool::run(&args)?,
            Self::Intake(args) => intake::run(&args)?,
            Self::Tail(args) => tail::run(&args)?,
            Self::Dead(args) => dead_letters::run(&args)?,
            Self::Erase(args) => return erase::run(&args),
            Self::Stock(args) => stock::run(&args)?,
            Self::Import(args) => return import::run(&args),
            Self::Audit(args) => return audit::run(&args),
            Self::Observer(args) => observer_report::run(&args)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The exit code for `result`. An error is logged if the process writes a log, and printed otherwise.
pub fn finish(result: Result<ExitCode>, writes_log: bool) -> ExitCode {
    result.unwrap_or_else(|error| {
        if writes_log {
            tracing::error!("{error:#}");
        } else {
            print_error(&error);
        }
        ExitCode::FAILURE
    })
}

#[expect(clippy::print_stderr, reason = "the error of a command is for the person who ran it")]
fn print_error(error: &anyhow::Error) {
    eprintln!("error: {error:#}");
}
