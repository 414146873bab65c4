//! The binary `millrace-lab`: every role and command of Millrace, plus the local cluster, fault
//! injection and benchmarks.

mod cli;

use std::process::ExitCode;

use cli::Cli;
use millrace::{finish, options, telemetry};

fn main() -> ExitCode {
    let arguments = cli::with_default_command(std::env::args_os().collect());
    let Cli { command } = match options::parse_from(&arguments) {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    let writes_log = command.writes_log();
    telemetry::start(if writes_log { "info" } else { "error" });
    finish(command.run(), writes_log)
}
