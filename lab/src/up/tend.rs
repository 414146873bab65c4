//! What ends without having been asked to is started again, as containers are with `restart:
//! unless-stopped`: at once, and ever later where it ends again soon.

use std::collections::HashMap;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::Result;
use tokio::time::Instant;

use super::Cluster;
use crate::servers::ProgressFn;

/// From one start to the next of what ends soon, at first and at last.
const PAUSE_FIRST: Duration = Duration::from_secs(1);
const PAUSE_LAST: Duration = Duration::from_mins(1);
/// What ran for so long did not end for the reason for which it ended before.
const WELL_AFTER: Duration = Duration::from_mins(5);

/// When each part of a cluster was last started again, by its name.
#[derive(Default)]
pub(super) struct Restarts(HashMap<String, Restart>);

struct Restart {
    at: Instant,
    /// Until the next one.
    pause: Duration,
}

impl Cluster {
    /// Looks once at all that was started: what has ended meanwhile is told of and started again, and
    /// not waited for. Not so the provider, whose books have ended with it.
    pub async fn tend(&mut self) -> Result<()> {
        let Self { plan, restarts, servers, provider, edges, workers, .. } = self;
        let (tell, now) = (plan.tell.as_ref(), Instant::now());
        let brokers = servers.brokers.servers.iter_mut();
        for server in brokers.chain([&mut servers.redis, &mut servers.postgres]) {
            if let Some(how) = server.ended()?
                && restarts.is_due(server.name(), now)
            {
                tell_of(tell, server.name(), how, "is started again", &server.log());
                server.spawn()?;
            }
        }
        for member in workers.iter_mut().map(|(_, worker)| worker).chain(edges) {
            if let Some(how) = member.ended()?
                && restarts.is_due(member.name(), now)
            {
                tell_of(tell, member.name(), how, "is started again", &member.log());
                member.spawn()?;
            }
        }
        if let Some(how) = provider.ended()? {
            let so = "is gone with all its books: no payment is made until another cluster is up";
            tell_of(tell, provider.name(), how, so, &provider.log());
            provider.kill().await?;
        }
        Ok(())
    }
}

fn tell_of(tell: &ProgressFn, name: &str, how: ExitStatus, so: &str, log: &Path) {
    tell(&format!("{name} has ended ({how}) and {so}; its log is {}", log.display()));
}

impl Restarts {
    /// Whether what has ended is to be started again now: the answer is taken as done.
    fn is_due(&mut self, name: &str, now: Instant) -> bool {
        let Some(last) = self.0.get_mut(name) else {
            self.0.insert(name.to_owned(), Restart { at: now, pause: PAUSE_FIRST });
            return true;
        };
        let ran = now - last.at;
        if ran < last.pause {
            return false;
        }
        let pause = if ran < WELL_AFTER { last.pause * 2 } else { PAUSE_FIRST };
        *last = Restart { at: now, pause: pause.min(PAUSE_LAST) };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_again_and_again_is_started_ever_later() {
        assert_eq!(started_again_at(0..200), [0, 1, 3, 7, 15, 31, 63, 123, 183]);
    }

    #[test]
    fn what_ran_for_long_is_started_again_at_once() {
        assert_eq!(started_again_at([0, 1, 3, 303, 304]), [0, 1, 3, 303, 304]);
    }

    /// The seconds at which something is started that is found ended at all of `seconds`.
    fn started_again_at(seconds: impl IntoIterator<Item = u64>) -> Vec<u64> {
        let (mut restarts, begun) = (Restarts::default(), Instant::now());
        let at = |second: &u64| restarts.is_due("it", begun + Duration::from_secs(*second));
        seconds.into_iter().filter(at).collect()
    }
}
