//! Running a system's command to its end, within a bounded time.

use std::ffi::OsStr;
use std::io;
use std::process::Command;

/// Seconds that one command may take: a slow line carries 150 MB of packages in that time.
const SECONDS: &str = "900";

/// Characters of a failed command's output that an error shows.
const LAST_WORDS_MAX: usize = 300;

/// Why a command gave no output.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// It could not be run.
    #[error("{command} cannot be run")]
    NotRun {
        /// Its name.
        command: String,
        /// What the system said.
        source: io::Error,
    },
    /// It failed.
    #[error("{command} failed: {last_words}")]
    Failed {
        /// Its name.
        command: String,
        /// The end of its output.
        last_words: String,
    },
}

/// A command that is ended when it takes too long; Ctrl-C ends it along with us.
pub(crate) fn bounded(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("timeout");
    command.args(["--foreground", SECONDS]).arg(program).env("LC_ALL", "C");
    command
}

/// Runs what `bounded` has made, and waits until it succeeds.
pub(crate) fn run(command: &mut Command) -> Result<(), CommandError> {
    let name = || command.get_args().nth(2).unwrap_or_default().to_string_lossy().into_owned();
    let name = name();
    let output = match command.output() {
        Ok(output) => output,
        Err(source) => return Err(CommandError::NotRun { command: name, source }),
    };
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ");
    let skipped = words.chars().count().saturating_sub(LAST_WORDS_MAX);
    Err(CommandError::Failed { command: name, last_words: words.chars().skip(skipped).collect() })
}
