//! The fsync policy that each broker reports, on which a profile's claim of durability depends.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use futures_util::StreamExt;
use serde::{Deserialize, Serialize, Serializer};
use thiserror::Error;
use tokio::time::{Instant, sleep, timeout};

use crate::inspect_error::{InspectError, inspect_error};
use crate::limits::{
    BROKER_ALIVE_TIMEOUT, FSYNC_REPLY_TIMEOUT, FSYNC_REPLY_TIMEOUT_AT_START, FSYNC_RETRY_DELAY,
    FSYNC_START_TIMEOUT,
};
use crate::{Connection, Profile, subjects};

/// When a broker fsyncs its writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FsyncPolicy {
    /// Before it acknowledges a write.
    Always,
    /// At this interval, after writes may have been acknowledged.
    Every(Duration),
}

/// The fsync policies that the brokers report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FsyncReport {
    /// The policy of each broker that replied, by the broker's name.
    pub brokers: BTreeMap<String, FsyncPolicy>,
    /// The size of the cluster, as reported by the brokers that replied.
    pub cluster_size: usize,
    /// The brokers that are running, as reported by the leader of the cluster; `None` if it did not
    /// reply.
    alive: Option<BTreeSet<String>>,
}

/// The durability that a profile claims could not be verified.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DurabilityUnverified {
    /// A broker acknowledges writes before it has fsynced them.
    #[error(
        "`{profile}` may not be claimed: {broker} reports sync_interval {sync}; set \
         `sync_interval: always` in its configuration, or start with `--profile fast`"
    )]
    NotFsynced {
        /// The profile to verify.
        profile: Profile,
        /// The name of the first such broker.
        broker: String,
        /// The policy that it reports.
        sync: FsyncPolicy,
    },
    /// So few brokers replied that the others could acknowledge an order without them.
    #[error(
        "`{profile}` may not be claimed: {answered} of {known} brokers reported their fsync policy and \
         {needed} must; start them, with the accounts of nats-config/shared.conf in their \
         configuration, or start with `--profile fast`"
    )]
    TooFewReplies {
        /// The profile to verify.
        profile: Profile,
        /// The number of brokers that replied.
        answered: usize,
        /// The number of brokers in the cluster.
        known: usize,
        /// The number of brokers that must reply.
        needed: usize,
    },
}

/// Requests the fsync policy of every broker, and waits up to 1 s for all replies.
pub async fn fsync_report(connection: &Connection) -> Result<FsyncReport, InspectError> {
    request_report(connection, FSYNC_REPLY_TIMEOUT).await
}

async fn request_report(
    connection: &Connection,
    reply_timeout: Duration,
) -> Result<FsyncReport, InspectError> {
    let client = &connection.client;
    let subscribed = async {
        let inbox = client.new_inbox();
        let replies = client.subscribe(inbox.clone()).await?;
        client.publish_with_reply(subjects::SERVER_PING_JSZ, inbox, "".into()).await?;
        Ok::<_, async_nats::Error>(replies)
    };
    let mut replies = subscribed.await.map_err(|err| inspect_error("the brokers", err))?;
    let mut report = FsyncReport::default();
    let collect = async {
        while let Some(reply) = replies.next().await {
            // A reply may also be an error, for example that the request is not permitted.
            if let Ok(reply) = serde_json::from_slice::<JszReply>(&reply.payload) {
                report.add(reply);
            }
            if report.cluster_size > 0 && report.brokers.len() >= report.cluster_size {
                break;
            }
        }
    };
    timeout(reply_timeout, collect).await.ok();
    Ok(report)
}

/// Whether the brokers currently provide the durability that `profile` claims: a majority of them
/// replies, without which no order is acknowledged, and each broker that replies fsyncs every
/// write. Profile `fast` makes no claim. Returns whether every running broker has replied: if not, one
/// that was seen not to fsync may still do so.
pub async fn verify_durability(
    connection: &Connection,
    profile: Profile,
) -> Result<bool, DurabilityUnverified> {
    if !profile.syncs_always() {
        return Ok(true);
    }
    // A closed connection counts as a report without replies.
    let report = fsync_report(connection).await.unwrap_or_default();
    let is_complete = report.is_complete();
    report.verify_durability(profile).map(|()| is_complete)
}

/// Like [`verify_durability`], but waits up to 15 s until enough brokers have started and each
/// running broker has replied, so that a broker which does not fsync is not missed because it is
/// busy.
pub async fn verify_durability_at_start(
    connection: &Connection,
    profile: Profile,
) -> Result<(), DurabilityUnverified> {
    if !profile.syncs_always() {
        return Ok(());
    }
    let deadline = Instant::now() + FSYNC_START_TIMEOUT;
    loop {
        let report =
            request_report(connection, FSYNC_REPLY_TIMEOUT_AT_START).await.unwrap_or_default();
        match report.verdict_at_start(profile, Instant::now() >= deadline) {
            Some(verdict) => return verdict,
            None => sleep(FSYNC_RETRY_DELAY).await,
        }
    }
}

/// A broker's reply, limited to the members that are used.
#[derive(Deserialize)]
struct JszReply {
    server: Server,
    data: Storage,
}

#[derive(Deserialize)]
struct Server {
    name: String,
}

#[derive(Deserialize)]
struct Storage {
    #[serde(default)]
    disabled: bool,
    config: Settings,
    meta_cluster: Option<Cluster>,
}

#[derive(Deserialize)]
struct Settings {
    #[serde(default)]
    sync_always: bool,
    /// Nanoseconds.
    #[serde(default)]
    sync_interval: u64,
}

#[derive(Deserialize)]
struct Cluster {
    cluster_size: usize,
    /// The other brokers; only the leader reports their state.
    #[serde(default)]
    replicas: Vec<Replica>,
}

#[derive(Deserialize)]
struct Replica {
    name: String,
    #[serde(default)]
    offline: bool,
    /// Nanoseconds since the leader last received something from it.
    active: u64,
}

impl FsyncReport {
    fn add(&mut self, JszReply { server, data }: JszReply) {
        if data.disabled {
            // JetStream is disabled: this server stores nothing.
            return;
        }
        let Cluster { cluster_size, replicas } =
            data.meta_cluster.unwrap_or(Cluster { cluster_size: 1, replicas: Vec::new() });
        self.cluster_size = self.cluster_size.max(cluster_size);
        if !replicas.is_empty() {
            let alive = replicas.into_iter().filter(Replica::is_alive).map(|replica| replica.name);
            self.alive = Some(alive.collect());
        }
        let Settings { sync_always, sync_interval } = data.config;
        let every = FsyncPolicy::Every(Duration::from_nanos(sync_interval));
        self.brokers.insert(server.name, if sync_always { FsyncPolicy::Always } else { every });
    }

    /// The verdict at a start; `None` if a later report may be better and there is time for it.
    fn verdict_at_start(
        self,
        profile: Profile,
        is_past_deadline: bool,
    ) -> Option<Result<(), DurabilityUnverified>> {
        let is_complete = self.is_complete();
        match self.verify_durability(profile) {
            unsynced @ Err(DurabilityUnverified::NotFsynced { .. }) => Some(unsynced),
            verdict if is_past_deadline => Some(verdict),
            Ok(()) if is_complete => Some(Ok(())),
            Ok(()) | Err(DurabilityUnverified::TooFewReplies { .. }) => None,
        }
    }

    /// Whether every running broker has replied.
    fn is_complete(&self) -> bool {
        let has_replied = |name| self.brokers.contains_key(name);
        match &self.alive {
            Some(alive) => alive.iter().all(has_replied),
            None => self.brokers.len() >= self.cluster_size,
        }
    }

    fn verify_durability(self, profile: Profile) -> Result<(), DurabilityUnverified> {
        let unsynced = |(_, sync): &(String, FsyncPolicy)| *sync != FsyncPolicy::Always;
        let (answered, known) = (self.brokers.len(), self.cluster_size.max(profile.brokers()));
        if let Some((broker, sync)) = self.brokers.into_iter().find(unsynced) {
            return Err(DurabilityUnverified::NotFsynced { profile, broker, sync });
        }
        let needed = known / 2 + 1;
        if answered < needed {
            return Err(DurabilityUnverified::TooFewReplies { profile, answered, known, needed });
        }
        Ok(())
    }
}

impl Replica {
    fn is_alive(&self) -> bool {
        !self.offline && Duration::from_nanos(self.active) < BROKER_ALIVE_TIMEOUT
    }
}

impl fmt::Display for FsyncPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Always => f.write_str("always"),
            Self::Every(interval) => write!(f, "{interval:?}"),
        }
    }
}

impl Serialize for FsyncPolicy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests;
