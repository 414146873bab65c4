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
    let writes_log = command.writes_log();
    telemetry::start(if writes_log { "info" } else { "error" });
    finish(command.run(), writes_log)
}
