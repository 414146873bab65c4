//! The command line of the lab.

use std::io;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use lab::{bare, bench, chaos, demo, load, reaper, synchronous, up};
use payment_simulator::SimulatorArgs;

/// Millrace on one machine: runs, tests and benchmarks a local cluster.
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
    /// Start a cluster, process sample orders, audit, and stop it: the default
    Demo(Box<demo::DemoArgs>),
    /// Start a local cluster and keep it running until Ctrl-C
    Up(up::UpArgs),
    /// Inject faults under load, then audit
    Chaos(chaos::ChaosArgs),
    /// Run benchmarks against baselines, and audit each
    Bench(bench::BenchArgs),
    /// Run the payment provider simulator
    PaymentSimulator(SimulatorArgs),
    #[command(flatten)]
    Product(millrace::Command),
    /// Answer every order with the same 202: the baseline for plain HTTP
    #[command(hide = true)]
    Bare(bare::BareArgs),
    /// Serve orders with one synchronous transaction each: the baseline architecture
    #[command(hide = true)]
    Synchronous(synchronous::SynchronousArgs),
    /// Generate load by the plan read from standard input
    #[command(hide = true)]
    Load,
    /// Clean up the processes and folders read from standard input when it closes
    #[command(hide = true)]
    Reap,
}

impl Cli {
    /// The command to run; the demo by default.
    pub(crate) fn command(self) -> Command {
        self.command.unwrap_or_else(|| Command::Demo(Box::new(self.demo)))
    }
}

impl Command {
    /// Whether the command runs one process of a cluster, whose output is its log.
    pub(crate) const fn is_role(&self) -> bool {
        match self {
            Self::Product(command) => command.is_role(),
            Self::PaymentSimulator(_) | Self::Bare(_) | Self::Synchronous(_) => true,
            _ => false,
        }
    }

    /// Runs the command to completion.
    pub(crate) fn run(self) -> Result<ExitCode> {
        match self {
            Self::Demo(args) => return demo::run(&args),
            Self::Up(args) => up::run(&args)?,
            Self::Chaos(args) => return chaos::run(&args),
            Self::Bench(args) => return bench::run(&args),
            Self::PaymentSimulator(args) => args.serve()?,
            Self::Product(command) => return command.run(),
            Self::Bare(args) => bare::run(&args)?,
            Self::Synchronous(args) => synchronous::run(&args)?,
            Self::Load => load::run()?,
            Self::Reap => reaper::reap(io::stdin().lock())?,
        }
        Ok(ExitCode::SUCCESS)
    }
}
