//! The command line of the lab.

use std::io;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use lab::{bench, chaos, demo, http_baseline, load, reaper, synchronous, up};
use payment_simulator::SimulatorArgs;

/// Millrace on one machine: takes orders from checkouts and carries them to fulfilment, none lost,
/// none charged twice, none oversold.
#[derive(Parser)]
#[command(
    name = "millrace-lab",
    version,
    max_term_width = 100,
    args_conflicts_with_subcommands = true
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    demo: demo::DemoArgs,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Start a cluster, carry real orders to their end, audit, and stop it: the default
    Demo(Box<demo::DemoArgs>),
    /// Start a whole cluster on this machine and keep it up until Ctrl-C
    Up(up::UpArgs),
    /// Inject faults under load, then audit
    Chaos(chaos::ChaosArgs),
    /// Run benchmarks against baselines, and audit each
    Bench(bench::BenchArgs),
    /// Run the payment provider that takes no real money
    PaymentSimulator(SimulatorArgs),
    #[command(flatten)]
    Product(millrace::Command),
    /// Answer every order with the same 202: the baseline of HTTP itself
    #[command(hide = true)]
    Bare(http_baseline::HttpBaselineArgs),
    /// Take orders as the architecture does that Millrace replaces
    #[command(hide = true)]
    Synchronous(synchronous::SynchronousArgs),
    /// Post orders by the plan that standard input brings
    #[command(hide = true)]
    Load,
    /// Stop what standard input names when it is closed
    #[command(hide = true)]
    Reap,
}

impl Cli {
    /// What to do: the demo, if nothing is named.
    pub(crate) fn command(self) -> Command {
        self.command.unwrap_or_else(|| Command::Demo(Box::new(self.demo)))
    }
}

impl Command {
    /// Whether it runs one process of a cluster, whose output is its log.
    pub(crate) const fn is_role(&self) -> bool {
        match self {
            Self::Product(command) => command.is_role(),
            Self::PaymentSimulator(_) | Self::Bare(_) | Self::Synchronous(_) => true,
            _ => false,
        }
    }

    /// Runs it to its end.
    pub(crate) fn run(self) -> Result<ExitCode> {
        match self {
            Self::Demo(args) => return demo::run(&args),
            Self::Up(args) => up::run(&args)?,
            Self::Chaos(args) => return chaos::run(&args),
            Self::Bench(args) => return bench::run(&args),
            Self::PaymentSimulator(args) => args.serve()?,
            Self::Product(command) => return command.run(),
            Self::Bare(args) => http_baseline::run(&args)?,
            Self::Synchronous(args) => synchronous::run(&args)?,
            Self::Load => load::run()?,
            Self::Reap => reaper::reap(io::stdin().lock())?,
        }
        Ok(ExitCode::SUCCESS)
    }
}
