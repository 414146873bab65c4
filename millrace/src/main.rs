//! The binary `millrace`: roles and operator commands.

use std::process::ExitCode;

use clap::Parser;
use millrace::{Command, finish, options, telemetry};

/// Takes orders from checkouts and carries them to fulfilment: none lost, none charged twice, none
/// oversold.
#[derive(Parser)]
#[command(name = "millrace", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let Cli { command } = match options::parse() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    let is_role = command.is_role();
    telemetry::start(if is_role { "info" } else { "error" });
    finish(command.run(), is_role)
}
