//! One started program: its own process group, its own log, and known to the reaper before it runs.

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

use super::account::Account;
use super::group::{Escaped, Group};
use crate::reaper::Reaper;

/// How long killed processes may take to disappear, unless one waits for a disk.
const GONE_WITHIN: Duration = Duration::from_secs(5);

/// How often is looked whether they are gone.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Waits at the door until a line comes in: if we die before the reaper knows the process, no line
/// ever comes, and the program never starts.
const WAIT_AT_THE_DOOR: &str = r#"read -r _ && exec "$@" </dev/null"#;

/// What is started, and how; starting it again gives the same program on the same ports and folder.
#[derive(Clone, Debug)]
pub struct ProcessSpec {
    /// Names the process in messages, and its log: `NAME.log` in `folder`.
    pub name: String,
    /// The program's file.
    pub program: PathBuf,
    /// The program's arguments.
    pub args: Vec<OsString>,
    /// Variables beyond those of our own environment.
    pub envs: Vec<(String, OsString)>,
    /// Who runs it, when that is not us.
    pub account: Option<Account>,
    /// An existing folder for the log; also the folder that the program starts in.
    pub folder: PathBuf,
}

impl ProcessSpec {
    /// Starts `program` without arguments as ourselves, with its log in `folder`.
    pub fn new(name: impl Into<String>, program: PathBuf, folder: PathBuf) -> Self {
        let name = name.into();
        Self { name, program, args: Vec::new(), envs: Vec::new(), account: None, folder }
    }

    /// Where both output streams of the program are appended.
    pub fn log(&self) -> PathBuf {
        self.folder.join(format!("{}.log", self.name))
    }

    fn command(&self) -> io::Result<Command> {
        let log = File::options().create(true).append(true).open(self.log())?;
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", WAIT_AT_THE_DOOR, "sh"])
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

/// A started program. Dropping it kills it with everything that it has started.
#[derive(Debug)]
pub struct Process {
    child: Child,
    group: Group,
    reaper: Reaper,
    ended: bool,
}

impl Process {
    /// Starts a program in a process group of its own; must be called inside a Tokio runtime.
    ///
    /// A program that does not exist is no error here: it ends at once, and its log says why.
    pub fn spawn(reaper: &Reaper, spec: &ProcessSpec) -> io::Result<Self> {
        let mut child = tokio::process::Command::from(spec.command()?).spawn()?;
        let pid = child.id().ok_or(io::ErrorKind::NotFound)?;
        let door = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?.into_owned_fd()?;
        let group = Group::of_leader(pid as i32);
        let process = Self { child, group, reaper: reaper.clone(), ended: false };
        reaper.watch(group)?;
        File::from(door).write_all(b"go\n")?;
        Ok(process)
    }

    /// The process id, which is also the id of its group.
    pub fn pid(&self) -> u32 {
        self.group.id() as u32
    }

    /// How the program ended; `None` while it runs.
    pub fn exited(&mut self) -> io::Result<Option<ExitStatus>> {
        let status = self.child.try_wait()?;
        if status.is_some() {
            self.end_group();
        }
        Ok(status)
    }

    /// Waits until the program ends by itself.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait().await?;
        self.end_group();
        Ok(status)
    }

    /// Kills the program and all that it has started, without warning.
    pub async fn kill(&mut self) -> io::Result<()> {
        let escaped = self.signal(Signal::SIGKILL)?;
        self.wait().await?;
        let deadline = Instant::now() + GONE_WITHIN;
        while self.group.is_alive(&escaped) && Instant::now() < deadline {
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Asks the program to end by SIGTERM, and kills it when `grace` is over. Tells how it ended.
    pub async fn stop(&mut self, grace: Duration) -> io::Result<ExitStatus> {
        self.stop_by(Signal::SIGTERM, grace).await
    }

    /// As `stop`, for programs that understand another signal.
    pub(crate) async fn stop_by(
        &mut self,
        signal: Signal,
        grace: Duration,
    ) -> io::Result<ExitStatus> {
        if self.exited()?.is_none() {
            self.resume()?;
            kill(Pid::from_raw(self.group.id()), signal)?;
            // Whether it ended or the grace is over: what is left of the group goes now.
            _ = timeout(grace, self.child.wait()).await;
        }
        self.kill().await?;
        self.wait().await
    }

    /// Freezes the program with all that it has started, as a machine that hangs.
    pub fn pause(&self) -> io::Result<()> {
        self.signal(Signal::SIGSTOP).map(drop)
    }

    /// Lets a frozen program go on.
    pub fn resume(&self) -> io::Result<()> {
        self.signal(Signal::SIGCONT).map(drop)
    }

    /// Once the program has been waited for, its id may come to mean another: it is not signalled.
    fn signal(&self, signal: Signal) -> io::Result<Escaped> {
        if self.ended { Ok(Escaped::default()) } else { Ok(self.group.signal(signal)?) }
    }

    /// What the program leaves behind when it ends is killed.
    fn end_group(&mut self) {
        if self.ended {
            return;
        }
        if let Err(error) = self.signal(Signal::SIGKILL) {
            tracing::warn!(%error, group = self.group.id(), "a process group cannot be killed");
        }
        self.ended = true;
        self.reaper.forget(self.group);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end_group();
    }
}
