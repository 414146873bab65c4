//! Restarts processes that exit unexpectedly, as containers with `restart: unless-stopped`: the
//! first time immediately, then with exponential back-off.

use std::collections::HashMap;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::Result;
use tokio::time::Instant;

use super::Cluster;
use crate::servers::ProgressFn;

/// The shortest and the longest time from one start to the next of a process that exits soon.
const BACKOFF_MIN: Duration = Duration::from_secs(1);
const BACKOFF_MAX: Duration = Duration::from_mins(1);
/// After running this long a process exits for another reason than before: the back-off starts
/// again.
const BACKOFF_RESET_AFTER: Duration = Duration::from_mins(5);

/// The last restart of each process, by its name.
#[derive(Default)]
pub(super) struct RestartBackoff(HashMap<String, Restart>);

struct Restart {
    at: Instant,
    /// The least time from this restart to the next one.
    backoff: Duration,
}

impl Cluster {
    /// Checks every process once, reports those that have exited, and restarts them without waiting
    /// until they are ready. The provider is not restarted, because its ledger is lost with it.
    ///
    /// # Errors
    /// A process cannot be checked, started or cleaned up.
    pub async fn supervise(&mut self) -> Result<()> {
        let Self { plan, restarts, servers, provider, edges, workers, .. } = self;
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
        for process in workers.iter_mut().map(|(_, worker)| worker).chain(edges) {
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

impl RestartBackoff {
    /// Whether the process `name`, which has exited, is to be restarted now. `true` records the
    /// restart.
    fn is_due(&mut self, name: &str, now: Instant) -> bool {
        let Some(last) = self.0.get_mut(name) else {
            self.0.insert(name.to_owned(), Restart { at: now, backoff: BACKOFF_MIN });
            return true;
        };
        let uptime = now - last.at;
        if uptime < last.backoff {
            return false;
        }
        let backoff = if uptime < BACKOFF_RESET_AFTER { last.backoff * 2 } else { BACKOFF_MIN };
        *last = Restart { at: now, backoff: backoff.min(BACKOFF_MAX) };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_exits_repeatedly_is_restarted_with_exponential_backoff() {
        assert_eq!(restart_seconds(0..200), [0, 1, 3, 7, 15, 31, 63, 123, 183]);
    }

    #[test]
    fn a_process_that_ran_for_five_minutes_is_restarted_immediately() {
        assert_eq!(restart_seconds([0, 1, 3, 303, 304]), [0, 1, 3, 303, 304]);
    }

    /// The seconds at which a process is restarted that has exited whenever it is checked, at each
    /// of `seconds`.
    fn restart_seconds(seconds: impl IntoIterator<Item = u64>) -> Vec<u64> {
        let mut restarts = RestartBackoff::default();
        let start = Instant::now();
        let is_due =
            |second: &u64| restarts.is_due("process", start + Duration::from_secs(*second));
        seconds.into_iter().filter(is_due).collect()
    }
}
