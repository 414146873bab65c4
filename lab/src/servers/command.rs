//! Runs system commands to completion, with a timeout.

use std::ffi::OsStr;
use std::io;
use std::process::Command;

/// Timeout of a command in seconds: enough to download 150 MB of packages over a slow connection.
const TIMEOUT_SECONDS: &str = "900";

/// Characters of a failed command's standard error that the error shows.
const STDERR_TAIL_MAX: usize = 300;

/// Why a command did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The command could not be started.
    #[error("cannot run {command}")]
    NotRun {
        /// The name of the command.
        command: String,
        /// The operating system's error.
        source: io::Error,
    },
    /// The command exited with a failure.
    #[error("{command} failed: {stderr_tail}")]
    Failed {
        /// The name of the command.
        command: String,
        /// The end of its standard error.
        stderr_tail: String,
    },
}

/// A command that is terminated after [`TIMEOUT_SECONDS`]. Ctrl-C reaches it as well as this
/// process.
pub(crate) fn with_timeout(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("timeout");
    command.args(["--foreground", TIMEOUT_SECONDS]).arg(program).env("LC_ALL", "C");
    command
}

/// Runs a command made by [`with_timeout`] and waits until it succeeds.
pub(crate) fn run(command: &mut Command) -> Result<(), CommandError> {
    let name = command.get_args().nth(2).unwrap_or_default().to_string_lossy().into_owned();
    let output = match command.output() {
        Ok(output) => output,
        Err(source) => return Err(CommandError::NotRun { command: name, source }),
    };
    if output.status.success() {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ");
    let skipped = stderr.chars().count().saturating_sub(STDERR_TAIL_MAX);
    Err(CommandError::Failed { command: name, stderr_tail: stderr.chars().skip(skipped).collect() })
}
