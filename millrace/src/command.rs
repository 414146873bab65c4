//! The roles and commands of the binary, and the exit code of the process.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Subcommand;

use crate::audit::AuditArgs;
use crate::dead_letters::DeadArgs;
use crate::health::HealthArgs;
use crate::migrate::MigrateArgs;
use crate::status::StatusArgs;
use crate::stock::StockArgs;
use crate::tail::TailArgs;
use crate::{audit, dead_letters, edge, health, migrate, status, stock, tail, worker};

/// A role or a command.
#[derive(Clone, Subcommand)]
pub enum Command {
    /// Run one edge: the HTTP server that acknowledges orders
    Edge(Box<::edge::Config>),
    /// Run one worker of a pool
    #[command(subcommand)]
    Worker(Box<workers::Config>),
    /// Create or update streams and tables
    Migrate(MigrateArgs),
    /// Check the health of the role in this container
    Health(HealthArgs),
    /// Show cluster status: workers, lag, streams and brokers
    Status(StatusArgs),
    /// Follow the events of single orders
    Tail(TailArgs),
    /// List, inspect and resolve dead letters
    Dead(DeadArgs),
    /// Change the stock on hand, or load a catalogue
    Stock(StockArgs),
    /// Check that ledger, stream, database and payment provider of a running cluster agree
    Audit(AuditArgs),
}

impl Command {
    /// Whether it is a role: a long-running process of a cluster, whose output is its log.
    pub const fn is_role(&self) -> bool {
        matches!(self, Self::Edge(_) | Self::Worker(_))
    }

    /// Runs the role or command until it ends.
    pub fn run(self) -> Result<ExitCode> {
        match self {
            Self::Edge(config) => edge::run(*config)?,
            Self::Worker(config) => worker::run(*config)?,
            Self::Migrate(args) => migrate::run(&args)?,
            Self::Health(args) => return health::run(&args),
            Self::Status(args) => status::run(&args)?,
            Self::Tail(args) => tail::run(&args)?,
            Self::Dead(args) => dead_letters::run(&args)?,
            Self::Stock(args) => stock::run(&args)?,
            Self::Audit(args) => return audit::run(&args),
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The exit code for `result`. An error is logged for a role, and printed for a command.
pub fn finish(result: Result<ExitCode>, is_role: bool) -> ExitCode {
    result.unwrap_or_else(|error| {
        if is_role {
            tracing::error!("{error:#}");
        } else {
            print_error(&error);
        }
        ExitCode::FAILURE
    })
}

/// A single-threaded Tokio runtime.
pub fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot build the Tokio runtime")
}

#[expect(clippy::print_stderr, reason = "the error of a command is for the person who ran it")]
fn print_error(error: &anyhow::Error) {
    eprintln!("error: {error:#}");
}
