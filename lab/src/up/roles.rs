//! The processes of a cluster, each with the command and the settings of its role.

use std::path::Path;

use anyhow::{Context, Result};
use millrace::keys::Role as KeyRole;
use streams::{Pool, TEST_ACK_WAIT};
use workers::database_roles::AUDITOR;
use workers::payment;

use super::role_process::RoleProcess;
use super::{Cluster, Companion, Plan, Role, ServerLinks, with_password};
use crate::endpoints::PROVIDER_KEY;
use crate::reaper::Reaper;
use crate::servers::ProcessSpec;

/// How the edges authenticate callers, if a test does not say it.
const IDENTITY: &str = "MILLRACE_IDENTITY";

/// The path for the readiness probe of the payment provider.
pub(crate) const PROVIDER_READY_PATH: &str = "/v1/payment_intents?limit=1";

impl Plan {
    /// The payment provider, not started yet, or one that runs apart from the cluster.
    pub(super) fn provider(&self, folder: &Path, reaper: &Reaper) -> Result<RoleProcess> {
        let mut spec = self.process_spec("provider", folder);
        if let Some(url) = &self.provider_url {
            return Ok(RoleProcess::apart(spec, url, reaper));
        }
        spec.args.push(Role::PaymentSimulator.as_str().into());
        RoleProcess::listening(spec, PROVIDER_READY_PATH, reaper)
    }

    /// What every role is started with.
    fn process_spec(&self, name: &str, folder: &Path) -> ProcessSpec {
        let mut spec = ProcessSpec::new(name, self.executable.clone(), folder.to_path_buf());
        spec.set("MILLRACE_PROFILE", self.profile.as_str());
        spec.set("MILLRACE_MAX_BATCH", &self.max_batch.to_string());
        if let Some(ack_wait) = self.ack_wait {
            spec.set(TEST_ACK_WAIT, &format!("{}ms", ack_wait.as_millis()));
        }
        for (variable, value) in &self.envs {
            spec.set(variable, value);
        }
        spec
    }
}

impl Cluster {
    /// An edge, not started yet.
    pub(super) fn edge(&self, name: &str) -> Result<RoleProcess> {
        let mut spec = self.plan.process_spec(name, self.folder.path());
        spec.args.push("edge".into());
        let links = self.server_links()?;
        let redis = self.servers.edge_redis();
        let through_link = links.as_ref().map(|links| links.redis_url(&redis.redis_url));
        self.set_brokers(&mut spec, KeyRole::Edge, links.as_ref());
        spec.set("REDIS_URL", &through_link.unwrap_or(redis.redis_url));
        if let Some(file) = redis.redis_ca_file {
            spec.set("REDIS_CA_FILE", &file.display().to_string());
        }
        let is_planned = self.plan.envs.iter().any(|(variable, _)| variable == IDENTITY);
        if !is_planned && std::env::var_os(IDENTITY).is_none() {
            // It listens on the loopback address: everyone on this machine may do everything.
            spec.set(IDENTITY, "none");
        }
        spec.set("MILLRACE_SECRETS", &self.secret);
        spec.set("MILLRACE_WEBHOOK_SECRETS", &self.webhook_secret);
        Ok(RoleProcess::listening(spec, "/readyz", &self.reaper)?.with_links(links))
    }

    /// Proxies to the servers, if this cluster is partitionable.
    fn server_links(&self) -> Result<Option<ServerLinks>> {
        let links = self.plan.partitionable.then(|| ServerLinks::start(&self.servers));
        links.transpose().context("starting proxies to the servers")
    }

    /// The brokers' URLs: through `links`, if there are any. An earlier version has a password instead of a key.
    fn nats_url(&self, links: Option<&ServerLinks>) -> String {
        let url = links.map_or_else(|| self.servers.brokers.url(), ServerLinks::nats_url);
        if self.plan.previous_binary.is_some() { with_password(&url) } else { url }
    }

    /// The URL of the database for the role of `pool`, or for the owner of the tables: an earlier version migrates
    /// when it starts.
    fn database_url(&self, pool: Pool) -> String {
        match self.plan.previous_binary {
            Some(_) => self.servers.postgres.url().to_owned(),
            None => self.servers.database_url(pool.as_str()),
        }
    }

    /// Sets how a process reaches the brokers: through its links, if it has any.
    fn set_brokers(&self, spec: &mut ProcessSpec, role: KeyRole, links: Option<&ServerLinks>) {
        for (variable, value) in self.servers.brokers.environment(role) {
            spec.set(variable, &value);
        }
        spec.set("NATS_URL", &self.nats_url(links));
    }

    /// A worker, not started yet.
    pub(super) fn worker(&self, name: &str, pool: Pool) -> Result<RoleProcess> {
        let mut spec = self.plan.process_spec(name, self.folder.path());
        spec.args.extend(["worker".into(), pool.as_str().into()]);
        let links = self.server_links()?;
        let database_url = self.database_url(pool);
        let through_link = links.as_ref().map(|links| links.database_url(&database_url));
        self.set_brokers(&mut spec, KeyRole::Worker(pool), links.as_ref());
        spec.set("DATABASE_URL", &through_link.unwrap_or(database_url));
        if pool == payment::POOL {
            spec.set("MILLRACE_PROVIDER_URL", self.provider.url());
            spec.set("MILLRACE_PROVIDER_KEY", PROVIDER_KEY);
        }
        Ok(RoleProcess::pulling(spec, &self.reaper).with_links(links))
    }

    /// A process that serves repairs, not started yet.
    pub(super) fn admin(&self, name: &str) -> Result<RoleProcess> {
        let mut spec = self.plan.process_spec(name, self.folder.path());
        spec.args.push("admin".into());
        let links = self.server_links()?;
        let database_url = self.servers.database_url(AUDITOR);
        let through_link = links.as_ref().map(|links| links.database_url(&database_url));
        self.set_brokers(&mut spec, KeyRole::Repairs, links.as_ref());
        spec.set("DATABASE_URL", &through_link.unwrap_or(database_url));
        spec.set("MILLRACE_PROVIDER_URL", self.provider.url());
        spec.set("MILLRACE_PROVIDER_KEY", PROVIDER_KEY);
        Ok(RoleProcess::pulling(spec, &self.reaper).with_links(links))
    }

    /// A companion process that listens on its own port, not started yet.
    pub(super) fn companion(&self, companion: &Companion<'_>) -> Result<RoleProcess> {
        let mut spec = self.plan.process_spec(companion.name, self.folder.path());
        spec.args.push(companion.role.as_str().into());
        spec.set("DATABASE_URL", self.servers.postgres.url());
        let provider_url = companion.provider_url.unwrap_or(self.provider.url());
        spec.set("MILLRACE_PROVIDER_URL", provider_url);
        RoleProcess::listening(spec, companion.ready_path, &self.reaper)
    }
}
