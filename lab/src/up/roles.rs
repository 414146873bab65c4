//! The processes of a cluster, each with the command and the settings of its role.

use std::path::Path;

use anyhow::{Context, Result};
use streams::{Pool, TEST_ACK_WAIT};
use workers::payment;

use super::role_process::RoleProcess;
use super::{Cluster, Companion, Plan, Role, ServerLinks};
use crate::endpoints::PROVIDER_KEY;
use crate::reaper::Reaper;
use crate::servers::ProcessSpec;

/// The path for the readiness probe of the payment provider.
pub(crate) const PROVIDER_READY_PATH: &str = "/v1/payment_intents?limit=1";

impl Plan {
    /// The payment provider, not started yet.
    pub(super) fn provider(&self, folder: &Path, reaper: &Reaper) -> Result<RoleProcess> {
        let mut spec = self.process_spec("provider", folder);
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
        self.set_addresses(&mut spec, links.as_ref(), &["NATS_URL", "REDIS_URL"]);
        spec.set("MILLRACE_SECRETS", &self.secret);
        spec.set("MILLRACE_WEBHOOK_SECRETS", &self.webhook_secret);
        Ok(RoleProcess::listening(spec, "/readyz", &self.reaper)?.with_links(links))
    }

    /// Proxies to the servers, if this cluster is partitionable.
    fn server_links(&self) -> Result<Option<ServerLinks>> {
        let links = self.plan.partitionable.then(|| ServerLinks::start(&self.servers));
        links.transpose().context("starting proxies to the servers")
    }

    /// Sets those of the servers' addresses that a role needs: through `links`, if there are any.
    fn set_addresses(
        &self,
        spec: &mut ProcessSpec,
        links: Option<&ServerLinks>,
        variables: &[&str],
    ) {
        for variable in variables {
            let url = match (*variable, links) {
                ("NATS_URL", Some(links)) => links.nats_url(),
                ("NATS_URL", None) => self.servers.brokers.url(),
                ("REDIS_URL", Some(links)) => links.redis_url().to_owned(),
                ("REDIS_URL", None) => self.servers.redis.url().to_owned(),
                (_, Some(links)) => links.database_url().to_owned(),
                (_, None) => self.servers.postgres.url().to_owned(),
            };
            spec.set(variable, &url);
        }
    }

    /// A worker, not started yet.
    pub(super) fn worker(&self, name: &str, pool: Pool) -> Result<RoleProcess> {
        let mut spec = self.plan.process_spec(name, self.folder.path());
        spec.args.extend(["worker".into(), pool.as_str().into()]);
        let links = self.server_links()?;
        self.set_addresses(&mut spec, links.as_ref(), &["NATS_URL", "DATABASE_URL"]);
        if pool == payment::POOL {
            spec.set("MILLRACE_PROVIDER_URL", self.provider.url());
            spec.set("MILLRACE_PROVIDER_KEY", PROVIDER_KEY);
        }
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
