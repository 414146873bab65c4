//! Runs commands of the program under test, each within a limit, so that one that hangs fails its test
//! and shows what it has printed.

use std::ffi::OsStr;
use std::fs;
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use crate::run_folders::run_folders;

/// Longer than any command of the product takes on a busy machine.
pub(crate) const COMMAND_LIMIT: Duration = Duration::from_secs(100);

/// A command of the program under test.
pub(crate) fn program(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_millrace-lab"));
    command.args(arguments).env("TMPDIR", run_folders()).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// Runs `command` to its end. Panics with its output if it takes longer than `limit`.
pub(crate) async fn output_within(limit: Duration, mut command: Command) -> Output {
    // Files, because the output of a command that is killed would be lost with its pipes.
    let files = [(); 2].map(|()| tempfile::NamedTempFile::new().unwrap());
    let [stdout, stderr] = files.each_ref().map(|file| Stdio::from(file.reopen().unwrap()));
    let mut process = command.stdout(stdout).stderr(stderr).spawn().unwrap();
    let status = timeout(limit, process.wait()).await;
    let [stdout, stderr] = files.map(|file| fs::read(file.path()).unwrap());
    let Ok(status) = status else {
        let printed = String::from_utf8([stderr, stdout].concat()).unwrap();
        panic!("{command:?} has not ended within {limit:?}; it has printed:\n{printed}");
    };
    Output { status: status.unwrap(), stdout, stderr }
}
