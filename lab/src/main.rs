//! The binary `millrace-lab`: every role and command of Millrace, plus the local cluster, fault
//! injection and benchmarks.

mod cli;

use std::process::ExitCode;

use cli::Cli;
use millrace::{finish, options, telemetry};

fn main() -> ExitCode {
    let cli: Cli = match options::parse() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    let command = cli.command();
    let is_role = command.is_role();
    telemetry::start(if is_role { "info" } else { "error" });
    finish(command.run(), is_role)
}
