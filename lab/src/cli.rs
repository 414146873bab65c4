//! The command line of the lab.

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use lab::{bench, chaos, demo, http_baseline, load, reaper, synchronous, up};
use payment_simulator::SimulatorArgs;

/// Millrace on one machine: runs, tests and benchmarks a local cluster.
#[derive(Parser)]
#[command(name = "millrace-lab", version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
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
    Bare(http_baseline::HttpBaselineArgs),
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

/// The same arguments, for the demo if they name no command. (If its options were those of the program, each
/// command would read the environment of the demo, too.)
pub(crate) fn with_default_command(mut arguments: Vec<OsString>) -> Vec<OsString> {
    const ABOUT: [&str; 4] = ["-h", "--help", "-V", "--version"];
    let first = arguments.get(1).map(|argument| argument.to_string_lossy());
    let names_no_command =
        first.is_none_or(|first| first.starts_with('-') && !ABOUT.contains(&first.as_ref()));
    if names_no_command {
        arguments.insert(1.min(arguments.len()), "demo".into());
    }
    arguments
}

impl Command {
    /// Whether it runs one process of a cluster, whose output is its log.
    pub(crate) const fn writes_log(&self) -> bool {
        match self {
            Self::Product(command) => command.writes_log(),
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
            Self::Bare(args) => http_baseline::run(&args)?,
            Self::Synchronous(args) => synchronous::run(&args)?,
            Self::Load => load::run()?,
            Self::Reap => reaper::reap(io::stdin().lock())?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_is_a_command() {
        for role in lab::up::Role::ALL {
            let command = <Cli as clap::CommandFactory>::command();
            assert!(command.find_subcommand(role.as_str()).is_some(), "{role:?}");
        }
    }

    #[test]
    fn arguments_that_name_no_command_are_for_the_demo() {
        let command = |arguments: &[&str]| {
            let arguments = std::iter::once(&"millrace-lab").chain(arguments).map(OsString::from);
            with_default_command(arguments.collect())[1].clone()
        };
        for arguments in [&[][..], &["--running"], &["--orders", "FILE"]] {
            assert_eq!(command(arguments), "demo");
        }
        for arguments in [&["up"][..], &["--help"], &["-V"], &["reap"]] {
            assert_eq!(command(arguments), arguments[0]);
        }
    }
}
