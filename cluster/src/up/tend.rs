//! What ends without having been asked to is started again, as `restart: unless-stopped` does in
//! containers.

use std::collections::HashMap;
use std::fmt::Display;
use std::path::PathBuf;
use std::process::ExitStatus;

use anyhow::Result;

use super::Cluster;
use crate::servers::Tell;

/// What ends more often has a reason that starting it again does not cure.
const RESTARTS_MAX: u32 = 5;

/// How often each part of a cluster was started again, by its name.
#[derive(Default)]
pub(super) struct Restarts(HashMap<String, u32>);

/// Something that was started and has ended.
struct Ended {
    name: String,
    how: ExitStatus,
    log: PathBuf,
}

impl Cluster {
    /// Looks once at all that was started: what has ended meanwhile is told of and started again, up
    /// to five times each.
    pub async fn tend(&mut self) -> Result<()> {
        let Self { plan, restarts, servers, provider, edges, workers, .. } = self;
        let tell = plan.tell.as_ref();
        let brokers = servers.brokers.servers.iter_mut();
        for server in brokers.chain([&mut servers.redis, &mut servers.postgres]) {
            if let Some(how) = server.ended()? {
                let ended = Ended { name: server.name().to_owned(), how, log: server.log() };
                restarts.start_again(tell, ended, async || server.start().await).await;
            }
        }
        let workers = workers.iter_mut().map(|(_, worker)| worker);
        for member in [provider].into_iter().chain(workers).chain(edges) {
            if let Some(how) = member.ended()? {
                let ended = Ended { name: member.name().to_owned(), how, log: member.log() };
                restarts.start_again(tell, ended, async || member.start().await).await;
            }
        }
        Ok(())
    }
}

impl Restarts {
    async fn start_again<E: Display>(
        &mut self,
        tell: &Tell,
        Ended { name, how, log }: Ended,
        start: impl AsyncFnOnce() -> Result<(), E>,
    ) {
        let restarts = self.0.entry(name.clone()).or_default();
        if *restarts > RESTARTS_MAX {
            return;
        }
        *restarts += 1;
        let log = log.display();
        if *restarts > RESTARTS_MAX {
            tell(&format!("{name} has ended too often and stays down ({how}); its log is {log}"));
            return;
        }
        tell(&format!("{name} has ended ({how}) and is started again; its log is {log}"));
        if let Err(err) = start().await {
            tell(&format!("{name} was not started: {err}"));
        }
    }
}
