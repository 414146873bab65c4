//! The binary `payment-simulator`: serves until SIGTERM or SIGINT.

use std::io;

use anyhow::Result;
use clap::Parser;
use payment_simulator::SimulatorArgs;
use tracing_subscriber::EnvFilter;

/// A simulated payment provider that moves no real money, for tests and trials.
#[derive(Parser)]
#[command(name = "payment-simulator", version, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    args: SimulatorArgs,
}

fn main() -> Result<()> {
    let Cli { args } = Cli::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
    args.serve()
}
