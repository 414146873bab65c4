//! The command line.

use clap::{Parser, Subcommand};
use cluster::{audit, bench, chaos, dead, demo, roles, status, stock, synchronous, tail, up};

/// Takes orders from checkouts and carries them to fulfilment: none lost, none charged twice, none
/// oversold.
#[derive(Debug, Parser)]
#[command(name = "millrace", version, max_term_width = 100, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    demo: demo::DemoArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start a cluster, carry real orders to their end, audit, and stop it: the default
    Demo(demo::DemoArgs),
    /// Compare ledger, stream, database and provider of a running cluster
    Audit(audit::AuditArgs),
    /// Kill, pause and fill what a cluster stands on while orders come, and audit the end
    Chaos(chaos::ChaosArgs),
    /// Measure clusters beside what they are compared with, and audit each
    Bench(bench::BenchArgs),
    /// Show how a running cluster stands: workers, lag, streams and brokers
    Status(status::StatusArgs),
    /// Show single orders' events as they pass
    Tail(tail::TailArgs),
    /// Look at dead letters and decide about them
    Dead(dead::DeadArgs),
    /// Put stock on hand, or load a catalogue
    Stock(stock::StockArgs),
    /// Start a whole cluster on this machine and keep it up until Ctrl-C
    Up(up::UpArgs),
    /// Run one edge: the HTTP server that acknowledges orders
    Edge(roles::edge::EdgeArgs),
    /// Run one worker of a pool
    Worker(roles::worker::WorkerArgs),
    /// Run the payment provider that takes no real money
    Provider(roles::provider::ProviderArgs),
    /// Answer every order with the same 202: what HTTP itself can do
    #[command(hide = true)]
    Bare(roles::bare::BareArgs),
    /// Take orders as the architecture does that Millrace replaces
    #[command(hide = true)]
    Synchronous(synchronous::SynchronousArgs),
    /// Post orders by the plan that standard input brings
    #[command(hide = true)]
    Load,
    /// End what is named on standard input when that is closed
    #[command(hide = true)]
    Reap,
}

impl Cli {
    /// What to do: the demo, if nothing is named.
    pub(crate) fn command(self) -> Command {
        self.command.unwrap_or(Command::Demo(self.demo))
    }
}

impl Command {
    /// Whether it runs one process of a cluster, whose log is its voice.
    pub(crate) const fn is_role(&self) -> bool {
        matches!(
            self,
            Self::Bare(_)
                | Self::Synchronous(_)
                | Self::Edge(_)
                | Self::Worker(_)
                | Self::Provider(_)
        )
    }
}
