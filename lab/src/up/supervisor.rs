//! Restarts processes that exit unexpectedly, as containers with `restart: unless-stopped`: the
//! first time immediately, then with exponential back-off.

use std::path::Path;
use std::process::ExitStatus;

use anyhow::Result;
use tokio::time::Instant;

use super::Cluster;
use crate::servers::ProgressFn;

impl Cluster {
    /// Checks every process once, reports those that have exited, and restarts them without waiting
    /// until they are ready. The provider is not restarted, because its ledger is lost with it.
    ///
    /// # Errors
    /// A process cannot be checked, started or cleaned up.
    pub async fn supervise(&mut self) -> Result<()> {
        let Self { plan, restarts, servers, provider, edges, workers, admins, .. } = self;
        let progress = plan.progress.as_ref();
        let now = Instant::now();
        let brokers = servers.brokers.servers.iter_mut();
        for server in brokers.chain([&mut servers.redis, &mut servers.postgres]) {
            if let Some(status) = server.exit_status()?
                && restarts.is_due(server.name(), now)
            {
                report_exit(progress, server.name(), status, "restarting", &server.log());
                server.spawn()?;
            }
        }
        for process in workers.iter_mut().map(|(_, worker)| worker).chain(edges).chain(admins) {
            if let Some(status) = process.exit_status()?
                && restarts.is_due(process.name(), now)
            {
                report_exit(progress, process.name(), status, "restarting", &process.log());
                process.spawn()?;
            }
        }
        if let Some(status) = provider.exit_status()? {
            let consequence = "not restarted: its ledger is lost, no payment will succeed";
            report_exit(progress, provider.name(), status, consequence, &provider.log());
            provider.kill().await?;
        }
        Ok(())
    }
}

fn report_exit(
    progress: &ProgressFn,
    name: &str,
    status: ExitStatus,
    consequence: &str,
    log: &Path,
) {
    progress(&format!("{name} exited ({status}), {consequence}; log: {}", log.display()));
}
