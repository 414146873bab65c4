//! Every role and every command, and how a process ends.

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

/// What the binary can be told to do.
#[derive(Clone, Subcommand)]
pub enum Command {
    /// Run one edge: the HTTP server that acknowledges orders
    Edge(Box<::edge::Config>),
    /// Run one worker of a pool
    #[command(subcommand)]
    Worker(Box<workers::Config>),
    /// Create streams and tables, or bring them up to date
    Migrate(MigrateArgs),
    /// Check the process of this container, for a health check
    Health(HealthArgs),
    /// Show cluster status: workers, lag, streams and brokers
    Status(StatusArgs),
    /// Follow the events of single orders
    Tail(TailArgs),
    /// List, inspect and resolve dead letters
    Dead(DeadArgs),
    /// Put stock on hand, or load a catalogue
    Stock(StockArgs),
    /// Compare ledger, stream, database and provider of a running cluster
    Audit(AuditArgs),
}

impl Command {
    /// Whether it runs one process of a cluster, whose output is its log.
    pub const fn is_role(&self) -> bool {
        matches!(self, Self::Edge(_) | Self::Worker(_))
    }

    /// Runs it to its end.
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

/// The exit code of a process that ended so; a failure is logged by a role, and printed by a command.
pub fn finish(ended: Result<ExitCode>, is_role: bool) -> ExitCode {
    ended.unwrap_or_else(|error| {
        if is_role {
            tracing::error!("{error:#}");
        } else {
            print(&error);
        }
        ExitCode::FAILURE
    })
}

/// A runtime on the calling thread.
pub fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().context("no runtime")
}

#[expect(clippy::print_stderr, reason = "why a command failed is for the person who ran it")]
fn print(error: &anyhow::Error) {
    eprintln!("error: {error:#}");
}
