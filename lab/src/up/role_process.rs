//! One process of a cluster that runs a role of this program.

use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::server_links::{LinkedServer, ServerLinks};
use crate::reaper::Reaper;
use crate::servers::{LinkState, Process, ProcessSpec, ReservedPort, reserve_port};

const READY_TIMEOUT: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(10);
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);
/// Less than the 30 s after which orchestrators often send SIGKILL.
const STOP_TIMEOUT: Duration = Duration::from_secs(25);
const _: () = assert!(
    edge::SHUTDOWN_MAX.as_millis() < STOP_TIMEOUT.as_millis()
        && workers::SHUTDOWN_MAX.as_millis() < STOP_TIMEOUT.as_millis(),
    "a graceful shutdown must fit into the stop timeout"
);

/// An edge, a worker, a process that serves repairs, or the payment provider. It can be killed, paused and
/// restarted on the same port.
pub struct RoleProcess {
    spec: ProcessSpec,
    url: String,
    readiness: Readiness,
    reaper: Reaper,
    process: Option<Process>,
    links: Option<ServerLinks>,
}

/// When a process counts as ready.
enum Readiness {
    /// As soon as it runs: a worker starts to pull by itself.
    Immediate,
    /// When its port answers this path with anything but 503.
    Http { port: ReservedPort, path: &'static str },
}

impl RoleProcess {
    /// A process that counts as ready as soon as it runs: a worker.
    pub(super) fn pulling(spec: ProcessSpec, reaper: &Reaper) -> Self {
        let reaper = reaper.clone();
        Self {
            spec,
            url: String::new(),
            readiness: Readiness::Immediate,
            reaper,
            process: None,
            links: None,
        }
    }

    /// A process with an HTTP server at `url` that another program runs, and that is not to be started.
    pub(super) fn apart(spec: ProcessSpec, url: &str, reaper: &Reaper) -> Self {
        let url = url.trim_end_matches('/').to_owned();
        Self { url, ..Self::pulling(spec, reaper) }
    }

    /// A process with an HTTP server on a free port. It counts as ready when that answers `path`.
    pub(super) fn listening(
        mut spec: ProcessSpec,
        path: &'static str,
        reaper: &Reaper,
    ) -> Result<Self> {
        let port = reserve_port()?;
        let address = format!("127.0.0.1:{}", port.number());
        spec.set("MILLRACE_LISTEN", &address);
        let readiness = Readiness::Http { port, path };
        let url = format!("http://{address}");
        Ok(Self { spec, url, readiness, reaper: reaper.clone(), process: None, links: None })
    }

    /// The same with these links to the servers.
    pub(super) fn with_links(self, links: Option<ServerLinks>) -> Self {
        Self { links, ..self }
    }

    /// Changes what the links to `server` do. Returns false if the process has no links, because its
    /// cluster is not partitionable.
    pub fn set_link(&self, server: LinkedServer, state: LinkState) -> bool {
        self.links.as_ref().is_some_and(|links| {
            links.set(server, state);
            true
        })
    }

    /// The name of the process in messages and of its log.
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// The program that it runs from the next start on.
    pub fn program(&self) -> &Path {
        &self.spec.program
    }

    /// Sets the program that it runs from the next start on, such as another version.
    pub fn set_program(&mut self, program: &Path) {
        self.spec.program = program.to_path_buf();
    }

    /// The process id; `None` if the process was not started, or was stopped or killed.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Process::pid)
    }

    /// The base URL; empty for a worker.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Sets an environment variable from the next start on; an empty value removes it.
    pub fn set(&mut self, variable: &str, value: &str) {
        if value.is_empty() {
            self.spec.envs.retain(|(name, _)| name != variable);
        } else {
            self.spec.set(variable, value);
        }
    }

    /// Starts the process without waiting until it is ready.
    pub(super) fn spawn(&mut self) -> Result<()> {
        self.process = None;
        let process = Process::spawn(&self.reaper, &self.spec);
        self.process = Some(process.with_context(|| format!("starting {}", self.spec.name))?);
        Ok(())
    }

    /// Starts the process and waits until it is ready.
    ///
    /// # Errors
    /// The process cannot be started, exits, or is not ready within 30 s.
    pub async fn start(&mut self) -> Result<()> {
        self.spawn()?;
        let deadline = Instant::now() + READY_TIMEOUT;
        while !self.is_ready().await {
            if self.has_exited()? || Instant::now() > deadline {
                let log = std::fs::read_to_string(self.spec.log()).unwrap_or_default();
                bail!("{} did not become ready; log:\n{log}", self.spec.name);
            }
            sleep(POLL_INTERVAL).await;
        }
        Ok(())
    }

    /// Whether the process does not run: it has exited, or was stopped or killed.
    ///
    /// # Errors
    /// The system cannot report the state of the process.
    pub fn has_exited(&mut self) -> Result<bool> {
        Ok(self.process.is_none() || self.exit_status()?.is_some())
    }

    /// The exit status if the process has exited by itself; `None` while it runs, and after
    /// [`Self::stop`] or [`Self::kill`].
    pub(super) fn exit_status(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.process.as_mut().map(Process::exited).transpose()?.flatten())
    }

    /// The path of its log.
    pub fn log(&self) -> PathBuf {
        self.spec.log()
    }

    /// Sends SIGKILL and waits until the process is gone.
    pub async fn kill(&mut self) -> Result<()> {
        match self.process.take() {
            Some(mut process) => Ok(process.kill().await?),
            None => Ok(()),
        }
    }

    /// Sends SIGTERM, and SIGKILL if the process has not exited after 25 s. Returns the exit
    /// status;
    /// `None` if it did not run.
    pub async fn stop(&mut self) -> Result<Option<ExitStatus>> {
        match self.process.take() {
            Some(mut process) => Ok(Some(process.stop(STOP_TIMEOUT).await?)),
            None => Ok(None),
        }
    }

    /// Sends SIGSTOP.
    pub fn pause(&self) -> Result<()> {
        Ok(self.process.as_ref().map_or(Ok(()), Process::pause)?)
    }

    /// Sends SIGCONT.
    pub fn resume(&self) -> Result<()> {
        Ok(self.process.as_ref().map_or(Ok(()), Process::resume)?)
    }

    async fn is_ready(&self) -> bool {
        match &self.readiness {
            Readiness::Immediate => true,
            Readiness::Http { port, path } => {
                timeout(PROBE_TIMEOUT, answers(port.number(), path)).await.unwrap_or(false)
            }
        }
    }
}

/// Whether the HTTP server on a local port answers with any status but 503.
async fn answers(port: u16, path: &str) -> bool {
    let response = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut status = [0; "HTTP/1.1 200".len()];
        stream.read_exact(&mut status).await?;
        Ok::<_, std::io::Error>(status)
    };
    response.await.is_ok_and(|status| !status.ends_with(b"503"))
}
