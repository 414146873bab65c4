//! One child process, with its own process group and log, registered with the reaper before it
//! runs.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::Child;
use tokio::time::{Instant, sleep, timeout};

use super::account::ServiceAccount;
use crate::process_group::{DetachedProcesses, ProcessGroup};
use crate::reaper::Reaper;

/// How long killed processes may take to disappear; only one that waits for a disk takes longer.
const EXIT_TIMEOUT: Duration = Duration::from_secs(5);

/// Time between two checks whether they have disappeared.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Starts the program only after a line on standard input. If this process dies before the reaper
/// knows the child, the line is never written and the program never starts.
const START_GATE: &str = r#"read -r _ && exec "$@" </dev/null"#;

/// How to start a program. Starting it again uses the same ports and folder.
#[derive(Clone, Debug)]
pub struct ProcessSpec {
    /// The name of the process in messages and of its log, `NAME.log` in `folder`.
    pub name: String,
    /// The path of the program.
    pub program: PathBuf,
    /// The program's arguments.
    pub args: Vec<OsString>,
    /// Environment variables in addition to those of this process.
    pub envs: Vec<(String, OsString)>,
    /// The account that runs it; `None` for the account of this process.
    pub account: Option<ServiceAccount>,
    /// An existing folder for the log; also the working directory.
    pub folder: PathBuf,
}

impl ProcessSpec {
    /// Runs `program` without arguments under the account of this process, with its log in
    /// `folder`.
    pub fn new(name: impl Into<String>, program: PathBuf, folder: PathBuf) -> Self {
        let name = name.into();
        Self { name, program, args: Vec::new(), envs: Vec::new(), account: None, folder }
    }

    /// Sets an environment variable from the next start on.
    pub(crate) fn set(&mut self, variable: &str, value: &str) {
        self.envs.retain(|(name, _)| name != variable);
        self.envs.push((variable.to_owned(), value.into()));
    }

    /// The path of the log, to which standard output and standard error are appended.
    pub fn log(&self) -> PathBuf {
        self.folder.join(format!("{}.log", self.name))
    }

    fn command(&self) -> io::Result<Command> {
        let log = File::options().create(true).append(true).open(self.log())?;
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", START_GATE, "sh"])
            .arg(&self.program)
            .args(&self.args)
            .envs(self.envs.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.folder)
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0);
        if let Some(account) = self.account {
            command.uid(account.uid).gid(account.gid);
        }
        Ok(command)
    }
}

/// A running program. Dropping it kills the program and all its descendants.
#[derive(Debug)]
pub struct Process {
    child: Child,
    group: ProcessGroup,
    reaper: Reaper,
    has_exited: bool,
}

impl Process {
    /// Starts a program in its own process group. Must be called inside a Tokio runtime.
    ///
    /// If the program does not exist, the process exits immediately and its log has the reason.
    ///
    /// # Errors
    /// The log cannot be opened, the shell cannot be started, or the reaper does not run.
    pub fn spawn(reaper: &Reaper, spec: &ProcessSpec) -> io::Result<Self> {
        let mut child = tokio::process::Command::from(spec.command()?).spawn()?;
        let pid = child.id().ok_or(io::ErrorKind::NotFound)?;
        let start_gate = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?.into_owned_fd()?;
        let group = ProcessGroup::of_leader(pid as i32);
        let process = Self { child, group, reaper: reaper.clone(), has_exited: false };
        reaper.watch(group)?;
        File::from(start_gate).write_all(b"go\n")?;
        Ok(process)
    }

    /// The process id, which is also the id of its process group.
    pub fn pid(&self) -> u32 {
        self.group.id() as u32
    }

    /// The exit status; `None` while the program runs.
    ///
    /// # Errors
    /// The system cannot report the state of the process.
    pub fn exited(&mut self) -> io::Result<Option<ExitStatus>> {
        let status = self.child.try_wait()?;
        if status.is_some() {
            self.end_group();
        }
        Ok(status)
    }

    /// Waits until the program exits by itself.
    ///
    /// # Errors
    /// The process cannot be waited for.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait().await?;
        self.end_group();
        Ok(status)
    }

    /// Kills the program and all its descendants with SIGKILL.
    ///
    /// # Errors
    /// The processes cannot be signalled or waited for.
    pub async fn kill(&mut self) -> io::Result<()> {
        let detached = self.signal(Signal::SIGKILL)?;
        self.wait().await?;
        let deadline = Instant::now() + EXIT_TIMEOUT;
        while self.group.is_alive(&detached) && Instant::now() < deadline {
            sleep(POLL_INTERVAL).await;
        }
        Ok(())
    }

    /// Sends SIGTERM, and SIGKILL if the program has not exited after `grace`. Returns the exit
    /// status.
    ///
    /// # Errors
    /// The process cannot be signalled or waited for.
    pub async fn stop(&mut self, grace: Duration) -> io::Result<ExitStatus> {
        self.stop_with(Signal::SIGTERM, grace).await
    }

    /// The same with another signal than SIGTERM.
    pub(crate) async fn stop_with(
        &mut self,
        signal: Signal,
        grace: Duration,
    ) -> io::Result<ExitStatus> {
        if self.exited()?.is_none() {
            self.resume()?;
            kill(Pid::from_raw(self.group.id()), signal)?;
            // Exited or timed out: in both cases the rest of the group is killed below.
            _ = timeout(grace, self.child.wait()).await;
        }
        self.kill().await?;
        self.wait().await
    }

    /// Sends SIGSTOP to the program and all its descendants, like a machine that hangs.
    ///
    /// # Errors
    /// The processes cannot be signalled.
    pub fn pause(&self) -> io::Result<()> {
        self.signal(Signal::SIGSTOP).map(drop)
    }

    /// Sends SIGCONT to the program and all its descendants.
    ///
    /// # Errors
    /// The processes cannot be signalled.
    pub fn resume(&self) -> io::Result<()> {
        self.signal(Signal::SIGCONT).map(drop)
    }

    /// Does nothing after the program was reaped: the system may have reused its id.
    fn signal(&self, signal: Signal) -> io::Result<DetachedProcesses> {
        if self.has_exited {
            Ok(DetachedProcesses::default())
        } else {
            Ok(self.group.signal(signal)?)
        }
    }

    /// Kills what is left of the process group after the program has exited.
    fn end_group(&mut self) {
        if self.has_exited {
            return;
        }
        if let Err(error) = self.signal(Signal::SIGKILL) {
            tracing::warn!(%error, group = self.group.id(), "cannot kill process group");
        }
        self.has_exited = true;
        self.reaper.forget(self.group);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end_group();
    }
}
