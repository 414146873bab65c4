//! One process of a cluster that is this program itself in one of its roles.

use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use streams::{Pool, TEST_ACK_WAIT};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::{Cluster, Companion, Plan};
use crate::endpoints::PROVIDER_KEY;
use crate::reaper::Reaper;
use crate::servers::{Process, ProcessSpec, free_ports};

const READY_WITHIN: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Orchestrators often kill after 30 s.
const STOP_WITHIN: Duration = Duration::from_secs(25);
const _: () = assert!(
    edge::END_MAX.as_millis() < STOP_WITHIN.as_millis()
        && workers::END_MAX.as_millis() < STOP_WITHIN.as_millis(),
    "a member that ends in order must have its time"
);

/// What a provider answers that runs.
pub(crate) const PROVIDER_READY: &str = "/v1/payment_intents?limit=1";

/// An edge, a worker or the provider: started, awaited, killed, paused and started again on the
/// same port.
pub struct RoleProcess {
    spec: ProcessSpec,
    url: String,
    ready: Ready,
    reaper: Reaper,
    process: Option<Process>,
}

/// When a member can do its work.
enum Ready {
    /// As soon as it runs: it pulls when it can.
    AtOnce,
    /// When its port answers 200 for this path.
    Answers { port: u16, path: &'static str },
}

impl RoleProcess {
    pub(super) fn provider(plan: &Plan, folder: &Path, reaper: &Reaper) -> Result<Self> {
        let mut spec = spec(plan, "provider", folder);
        spec.args.push("payment-simulator".into());
        Self::listening(spec, PROVIDER_READY, reaper)
    }

    pub(super) fn edge(name: &str, cluster: &Cluster) -> Result<Self> {
        let mut spec = spec(&cluster.plan, name, cluster.folder.path());
        spec.args.push("edge".into());
        let nats_url = cluster.servers.brokers.url();
        set(&mut spec, "NATS_URL", &nats_url);
        set(&mut spec, "REDIS_URL", cluster.servers.redis.url());
        set(&mut spec, "MILLRACE_SECRETS", &cluster.secret);
        Self::listening(spec, "/readyz", &cluster.reaper)
    }

    pub(super) fn worker(name: &str, pool: Pool, cluster: &Cluster) -> Self {
        let mut spec = spec(&cluster.plan, name, cluster.folder.path());
        spec.args.extend(["worker".into(), pool.as_str().into()]);
        set(&mut spec, "NATS_URL", &cluster.servers.brokers.url());
        set(&mut spec, "DATABASE_URL", cluster.servers.postgres.url());
        if pool == Pool::Payment {
            set(&mut spec, "MILLRACE_PROVIDER_URL", cluster.provider.url());
            set(&mut spec, "MILLRACE_PROVIDER_KEY", PROVIDER_KEY);
        }
        let reaper = cluster.reaper.clone();
        Self { spec, url: String::new(), ready: Ready::AtOnce, reaper, process: None }
    }

    /// Another role that listens, ready when `path` is answered.
    pub(super) fn beside(beside: &Companion<'_>, cluster: &Cluster) -> Result<Self> {
        let mut spec = spec(&cluster.plan, beside.name, cluster.folder.path());
        spec.args.push(beside.role.into());
        set(&mut spec, "DATABASE_URL", cluster.servers.postgres.url());
        set(
            &mut spec,
            "MILLRACE_PROVIDER_URL",
            beside.provider_url.unwrap_or(cluster.provider.url()),
        );
        Self::listening(spec, beside.ready_path, &cluster.reaper)
    }

    fn listening(mut spec: ProcessSpec, path: &'static str, reaper: &Reaper) -> Result<Self> {
        let port = free_ports(1)?[0];
        set(&mut spec, "MILLRACE_LISTEN", &format!("127.0.0.1:{port}"));
        let ready = Ready::Answers { port, path };
        let url = format!("http://127.0.0.1:{port}");
        Ok(Self { spec, url, ready, reaper: reaper.clone(), process: None })
    }

    /// How it is called in messages and logs.
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// The process id; `None` while it does not run.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Process::pid)
    }

    /// Where it is reached; empty for a worker.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A variable that the process gets the next time it is started; an empty one takes it away.
    pub fn set(&mut self, variable: &str, value: &str) {
        self.spec.envs.retain(|(name, _)| name != variable);
        if !value.is_empty() {
            set(&mut self.spec, variable, value);
        }
    }

    /// Starts it and does not wait.
    pub(super) fn spawn(&mut self) -> Result<()> {
        self.process = None;
        let process = Process::spawn(&self.reaper, &self.spec);
        self.process = Some(process.with_context(|| format!("starting {}", self.spec.name))?);
        Ok(())
    }

    /// Starts it and waits until it is ready.
    pub async fn start(&mut self) -> Result<()> {
        self.spawn()?;
        let deadline = Instant::now() + READY_WITHIN;
        while !self.is_ready().await {
            if self.has_ended()? || Instant::now() > deadline {
                let log = std::fs::read_to_string(self.spec.log()).unwrap_or_default();
                bail!("{} is not ready; its log:\n{log}", self.spec.name);
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Whether it has ended by itself, or was killed.
    pub fn has_ended(&mut self) -> Result<bool> {
        Ok(self.process.is_none() || self.ended()?.is_some())
    }

    /// How it has ended by itself; `None` while it runs, and after it was stopped or killed from here.
    pub(super) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.process.as_mut().map(Process::exited).transpose()?.flatten())
    }

    /// Where its output goes.
    pub(super) fn log(&self) -> PathBuf {
        self.spec.log()
    }

    /// Kills it without warning.
    pub async fn kill(&mut self) -> Result<()> {
        match self.process.take() {
            Some(mut process) => Ok(process.kill().await?),
            None => Ok(()),
        }
    }

    /// Ends it in an orderly way, or kills it when that takes longer than 25 s. Tells how it ended;
    /// `None` when it did not run.
    pub async fn stop(&mut self) -> Result<Option<ExitStatus>> {
        match self.process.take() {
            Some(mut process) => Ok(Some(process.stop(STOP_WITHIN).await?)),
            None => Ok(None),
        }
    }

    /// Freezes it.
    pub fn pause(&self) -> Result<()> {
        Ok(self.process.as_ref().map_or(Ok(()), Process::pause)?)
    }

    /// Lets it go on.
    pub fn resume(&self) -> Result<()> {
        Ok(self.process.as_ref().map_or(Ok(()), Process::resume)?)
    }

    async fn is_ready(&self) -> bool {
        match self.ready {
            Ready::AtOnce => true,
            Ready::Answers { port, path } => {
                timeout(Duration::from_secs(1), answers(port, path)).await.unwrap_or(false)
            }
        }
    }
}

fn spec(plan: &Plan, name: &str, folder: &Path) -> ProcessSpec {
    let mut spec = ProcessSpec::new(name, plan.millrace.clone(), folder.to_path_buf());
    set(&mut spec, "MILLRACE_PROFILE", plan.profile.as_str());
    set(&mut spec, "MILLRACE_MAX_BATCH", &plan.max_batch.to_string());
    if let Some(ack_wait) = plan.ack_wait {
        set(&mut spec, TEST_ACK_WAIT, &format!("{}ms", ack_wait.as_millis()));
    }
    for (variable, value) in &plan.envs {
        set(&mut spec, variable, value);
    }
    spec
}

fn set(spec: &mut ProcessSpec, variable: &str, value: &str) {
    spec.envs.push((variable.to_owned(), value.into()));
}

/// Whether a port of this machine answers anything but a server's fault.
async fn answers(port: u16, path: &str) -> bool {
    let answer = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut status = [0; "HTTP/1.1 200".len()];
        stream.read_exact(&mut status).await?;
        Ok::<_, std::io::Error>(status)
    };
    answer.await.is_ok_and(|status| !status.ends_with(b"503"))
}
