//! One server of any kind: started, awaited, killed, paused and started again in the same way.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::time::{Instant, sleep};

use super::probe::Probe;
use super::process::{Process, ProcessSpec};
use super::tracer::Tracer;
use crate::reaper::Reaper;

/// How long a server may take until it answers: a broker that lost its leader elects within 9 s,
/// PostgreSQL reads its log again after a crash, and a busy machine may be several times slower.
const READY_WITHIN: Duration = Duration::from_mins(1);

/// How often a starting server is asked whether it is ready.
const ASK_EVERY: Duration = Duration::from_millis(20);

/// How long an orderly end may take before the server is killed: a checkpoint or a last sync.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// Lines of a server's log that an error shows: enough to hold the reason and what led to it.
const LOG_TAIL_LINES: usize = 15;

/// Why a server did not come up.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Nothing could be started at all.
    #[error("{name} could not be started")]
    Spawn {
        /// The server's name.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// The program ended before it answered.
    #[error("{name} ended while starting; its log ends with:\n{log_tail}")]
    Ended {
        /// The server's name.
        name: String,
        /// The last lines of its log.
        log_tail: String,
    },
    /// The program runs but does not answer as it should.
    #[error("{name} is not ready after {} s; its log ends with:\n{log_tail}", READY_WITHIN.as_secs())]
    NotReady {
        /// The server's name.
        name: String,
        /// The last lines of its log.
        log_tail: String,
    },
}

impl StartError {
    /// Whether the only fault was that somebody else listens on the chosen port.
    pub(crate) fn is_port_taken(&self) -> bool {
        let taken = "address already in use";
        matches!(self, Self::Ended { log_tail, .. } if log_tail.to_lowercase().contains(taken))
    }
}

/// A server program with everything that is needed to start it again as it was.
#[derive(Debug)]
pub struct Server {
    spec: ProcessSpec,
    url: String,
    probe: Probe,
    stop_signal: Signal,
    reaper: Reaper,
    process: Option<Process>,
}

impl Server {
    /// A server that does not run yet.
    pub(crate) fn new(spec: ProcessSpec, url: String, probe: Probe, reaper: &Reaper) -> Self {
        let reaper = reaper.clone();
        Self { spec, url, probe, stop_signal: Signal::SIGTERM, reaper, process: None }
    }

    /// Which signal means an orderly end to this program.
    pub(crate) fn stopped_by(self, stop_signal: Signal) -> Self {
        Self { stop_signal, ..self }
    }

    /// Where clients connect to.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How the server is called in messages and logs.
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// The process id; `None` when it was killed or stopped.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Process::pid)
    }

    /// A variable that the program gets the next time it is started.
    pub fn set(&mut self, variable: &str, value: &str) {
        self.spec.envs.retain(|(name, _)| name != variable);
        self.spec.envs.push((variable.to_owned(), value.into()));
    }

    /// Records the server's writes and syncs in the file `record` from its next start on.
    pub fn trace(&mut self, tracer: &Tracer, record: &Path) {
        tracer.trace(&mut self.spec, record);
    }

    /// Starts the server on the port and folder that it has had before, and waits until it answers.
    pub async fn start(&mut self) -> Result<(), StartError> {
        self.spawn()?;
        self.ready(&self.probe.clone()).await
    }

    /// Starts the server and does not wait. One that still runs is killed first.
    pub fn spawn(&mut self) -> Result<(), StartError> {
        self.process = None;
        let spawned = Process::spawn(&self.reaper, &self.spec);
        let name = || self.spec.name.clone();
        self.process = Some(spawned.map_err(|source| StartError::Spawn { name: name(), source })?);
        Ok(())
    }

    /// Waits until the server answers `probe`.
    pub(crate) async fn ready(&mut self, probe: &Probe) -> Result<(), StartError> {
        let deadline = Instant::now() + READY_WITHIN;
        while !probe.answers().await {
            if !self.is_running() {
                return Err(StartError::Ended {
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
            sleep(ASK_EVERY).await;
        }
        Ok(())
    }

    /// Kills the server without warning, with all its processes, as a power cut would.
    pub async fn kill(&mut self) -> io::Result<()> {
        match self.process.take() {
            Some(mut process) => process.kill().await,
            None => Ok(()),
        }
    }

    /// Ends the server in an orderly way, or kills it when that takes too long.
    pub async fn stop(&mut self) -> io::Result<()> {
        match self.process.take() {
            Some(mut process) => process.stop_by(self.stop_signal, STOP_WITHIN).await.map(drop),
            None => Ok(()),
        }
    }

    /// Freezes the server with all its processes; its connections stay open and nobody answers.
    pub fn pause(&self) -> io::Result<()> {
        self.process.as_ref().map_or(Ok(()), Process::pause)
    }

    /// Lets a frozen server go on.
    pub fn resume(&self) -> io::Result<()> {
        self.process.as_ref().map_or(Ok(()), Process::resume)
    }

    /// How it has ended by itself; `None` while it runs, and after it was stopped or killed from here.
    pub(crate) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        Ok(self.process.as_mut().map(Process::exited).transpose()?.flatten())
    }

    /// Where its output goes.
    pub(crate) fn log(&self) -> PathBuf {
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
