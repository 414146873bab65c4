//! One server of any kind: start, readiness, kill, pause and restart.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::time::{Instant, sleep};

use super::port::ReservedPort;
use super::probe::Probe;
use super::process::{Process, ProcessSpec};
use super::strace::Tracer;
use crate::reaper::Reaper;

/// How long a server may take until it is ready: brokers elect a new leader within 9 s, PostgreSQL
/// replays its log after a crash, and a busy machine may be several times slower.
const READY_TIMEOUT: Duration = Duration::from_mins(1);

/// Time between two readiness probes.
const PROBE_INTERVAL: Duration = Duration::from_millis(20);

/// How long a graceful stop may take before the server is killed: a checkpoint or a final fsync.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// Lines of a server's log that an error shows: enough for the cause and its context.
const LOG_TAIL_LINES: usize = 15;

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The process could not be started.
    #[error("cannot start {name}")]
    Spawn {
        /// The server's name.
        name: String,
        /// The operating system's error.
        source: io::Error,
    },
    /// The program exited before it was ready.
    #[error("{name} exited during startup; end of its log:\n{log_tail}")]
    Exited {
        /// The server's name.
        name: String,
        /// The last lines of its log.
        log_tail: String,
    },
    /// The program runs but is not ready in time.
    #[error(
        "{name} was not ready after {} s; end of its log:\n{log_tail}",
        READY_TIMEOUT.as_secs()
    )]
    NotReady {
        /// The server's name.
        name: String,
        /// The last lines of its log.
        log_tail: String,
    },
}

impl StartError {
    /// Whether the server failed because another process listens on its port.
    pub(crate) fn is_port_taken(&self) -> bool {
        let message = "address already in use";
        matches!(self, Self::Exited { log_tail, .. } if log_tail.to_lowercase().contains(message))
    }
}

/// A server program with everything that is needed to restart it unchanged.
#[derive(Debug)]
pub struct Server {
    spec: ProcessSpec,
    url: String,
    probe: Probe,
    stop_signal: Signal,
    /// Kept while the server is down: it is restarted on the same ports.
    _ports: Vec<ReservedPort>,
    reaper: Reaper,
    process: Option<Process>,
}

impl Server {
    /// A server that is not started yet.
    pub(crate) fn new(
        spec: ProcessSpec,
        url: String,
        probe: Probe,
        ports: impl Into<Vec<ReservedPort>>,
        reaper: &Reaper,
    ) -> Self {
        let (reaper, ports) = (reaper.clone(), ports.into());
        Self {
            spec,
            url,
            probe,
            stop_signal: Signal::SIGTERM,
            _ports: ports,
            reaper,
            process: None,
        }
    }

    /// Sets the signal for a graceful stop; SIGTERM by default.
    pub(crate) fn with_stop_signal(self, stop_signal: Signal) -> Self {
        Self { stop_signal, ..self }
    }

    /// The URL for clients.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The name of the server in messages and of its log.
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// The process id; `None` if the server was not started, or was stopped or killed.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Process::pid)
    }

    /// Sets an environment variable from the next start on.
    pub fn set(&mut self, variable: &str, value: &str) {
        self.spec.set(variable, value);
    }

    /// Traces the server's writes and fsyncs into the file `record` from its next start on.
    pub fn trace(&mut self, tracer: &Tracer, record: &Path) {
        tracer.trace(&mut self.spec, record);
    }

    /// Has `launcher` start the program from its next start on: it gets `args`, the program and its
    /// arguments.
    pub(crate) fn launch_by(&mut self, launcher: &Path, mut args: Vec<OsString>) {
        let program = std::mem::replace(&mut self.spec.program, launcher.to_path_buf());
        args.push(program.into());
        self.spec.args.splice(0..0, args);
    }

    /// Starts the server on its previous port and folder, and waits until it is ready.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(&mut self) -> Result<(), StartError> {
        self.spawn()?;
        self.wait_until_ready(&self.probe.clone()).await
    }

    /// Starts the server without waiting until it is ready. Kills it first if it still runs.
    ///
    /// # Errors
    /// The process cannot be started.
    pub fn spawn(&mut self) -> Result<(), StartError> {
        self.process = None;
        let spawned = Process::spawn(&self.reaper, &self.spec);
        let spawn_error = |source| StartError::Spawn { name: self.spec.name.clone(), source };
        self.process = Some(spawned.map_err(spawn_error)?);
        Ok(())
    }

    /// Waits until `probe` succeeds.
    pub(crate) async fn wait_until_ready(&mut self, probe: &Probe) -> Result<(), StartError> {
        let deadline = Instant::now() + READY_TIMEOUT;
        while !probe.is_ready().await {
            if !self.is_running() {
                return Err(StartError::Exited {
                    name: self.spec.name.clone(),
                    log_tail: self.log_tail(),
                });
            }
            if Instant::now() > deadline {
                return Err(StartError::NotReady {
                    name: self.spec.name.clone(),
                    log_tail: self.log_tail(),
                });
            }
            sleep(PROBE_INTERVAL).await;
        }
        Ok(())
    }

    /// Kills the server and all its processes with SIGKILL.
    ///
    /// # Errors
    /// The processes cannot be signalled or waited for.
    pub async fn kill(&mut self) -> io::Result<()> {
        match self.process.take() {
            Some(mut process) => process.kill().await,
            None => Ok(()),
        }
    }

    /// Stops the server gracefully, and kills it if it has not stopped after 10 s.
    ///
    /// # Errors
    /// The process cannot be signalled or waited for.
    pub async fn stop(&mut self) -> io::Result<()> {
        match self.process.take() {
            Some(mut process) => process.stop_with(self.stop_signal, STOP_TIMEOUT).await.map(drop),
            None => Ok(()),
        }
    }

    /// Sends SIGSTOP to the server and all its processes: connections stay open without responses.
    ///
    /// # Errors
    /// The processes cannot be signalled.
    pub fn pause(&self) -> io::Result<()> {
        self.process.as_ref().map_or(Ok(()), Process::pause)
    }

    /// Sends SIGCONT to the server and all its processes.
    ///
    /// # Errors
    /// The processes cannot be signalled.
    pub fn resume(&self) -> io::Result<()> {
        self.process.as_ref().map_or(Ok(()), Process::resume)
    }

    /// Has a running server read its configuration again, as servers do at SIGHUP.
    ///
    /// # Errors
    /// The process cannot be signalled.
    pub(crate) fn reload(&self) -> io::Result<()> {
        let Some(pid) = self.pid() else { return Ok(()) };
        Ok(kill(Pid::from_raw(pid.cast_signed()), Signal::SIGHUP)?)
    }

    /// The exit status if the server has exited by itself; `None` while it runs, and after
    /// [`Self::stop`] or [`Self::kill`].
    pub(crate) fn exit_status(&mut self) -> io::Result<Option<ExitStatus>> {
        Ok(self.process.as_mut().map(Process::exited).transpose()?.flatten())
    }

    /// The path of its log.
    pub fn log(&self) -> PathBuf {
        self.spec.log()
    }

    fn is_running(&mut self) -> bool {
        self.process.as_mut().is_some_and(|process| matches!(process.exited(), Ok(None)))
    }

    fn log_tail(&self) -> String {
        let log = fs::read(self.spec.log()).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n")
    }
}
