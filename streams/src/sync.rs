//! Whether brokers sync what they write, as they say themselves: what a claim of durability rests on.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use futures_util::StreamExt;
use serde::{Deserialize, Serialize, Serializer};
use thiserror::Error;
use tokio::time::{Instant, sleep, timeout};

use crate::look::{InspectError, inspect_error};
use crate::{Connection, Profile, names};

/// How long brokers may take to answer: a healthy one takes a few milliseconds, and for one that is
/// away this is how long the others are kept waiting.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);
/// The same at a start, which may be slow: a broker that is busy just then must not be overlooked.
const ANSWER_TIMEOUT_AT_START: Duration = Duration::from_secs(3);
/// How long a start waits for enough brokers: they elect a leader within 9 s, and answer before.
const START_TIMEOUT: Duration = Duration::from_secs(15);
/// Between two tries: who cannot be reached is known at once.
const RETRY_DELAY: Duration = Duration::from_millis(200);
/// A broker that its leader has heard of within this is running. Followers answer a heartbeat every second
/// and elect another leader after four (`hbInterval` and `minElectionTimeout` in nats-server's raft.go).
const ALIVE_WITHIN: Duration = Duration::from_secs(4);

/// When a broker syncs what it writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FsyncPolicy {
    /// Before it acknowledges a write.
    Always,
    /// So often, whatever was acknowledged meanwhile.
    Every(Duration),
}

/// What the brokers say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FsyncReport {
    /// Each broker that answered, by its name.
    pub brokers: BTreeMap<String, FsyncPolicy>,
    /// How many brokers there are, as those that answered say.
    pub known: usize,
    /// Brokers that the leader of the cluster says are running; `None` if no leader answered.
    alive: Option<BTreeSet<String>>,
}

/// Why a profile may not be claimed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DurabilityUnverified {
    /// A broker acknowledges what it has not synced.
    #[error(
        "`{profile}` may not be claimed: {broker} reports sync_interval {sync}; set \
         `sync_interval: always` in its configuration, or start with `--profile fast`"
    )]
    Unsynced {
        /// What was to be claimed.
        profile: Profile,
        /// The first such broker.
        broker: String,
        /// What it reports.
        sync: FsyncPolicy,
    },
    /// So few brokers answered that the others could acknowledge an order without them.
    #[error(
        "`{profile}` may not be claimed: {answered} of {known} brokers said how they sync and \
         {needed} must; start them, with the accounts of nats-config/shared.conf in their \
         configuration, or start with `--profile fast`"
    )]
    TooFew {
        /// What was to be claimed.
        profile: Profile,
        /// How many answered.
        answered: usize,
        /// How many there are.
        known: usize,
        /// How many must answer.
        needed: usize,
    },
}

/// Asks every broker, and waits for all of them, for 1 s at most.
pub async fn fsync_report(connection: &Connection) -> Result<FsyncReport, InspectError> {
    fsync_report_within(connection, ANSWER_TIMEOUT).await
}

async fn fsync_report_within(
    connection: &Connection,
    patience: Duration,
) -> Result<FsyncReport, InspectError> {
    let client = &connection.client;
    let asked = async {
        let inbox = client.new_inbox();
        let answers = client.subscribe(inbox.clone()).await?;
        client.publish_with_reply(names::BROKERS_ASKED, inbox, "".into()).await?;
        Ok::<_, async_nats::Error>(answers)
    };
    let mut answers = asked.await.map_err(|err| inspect_error("the brokers", err))?;
    let mut fsync_report = FsyncReport::default();
    let listen = async {
        while let Some(answer) = answers.next().await {
            // That nobody may be asked is an answer, too.
            if let Ok(answer) = serde_json::from_slice::<Answer>(&answer.payload) {
                fsync_report.hear(answer);
            }
            if fsync_report.known > 0 && fsync_report.brokers.len() >= fsync_report.known {
                break;
            }
        }
    };
    timeout(patience, listen).await.ok();
    Ok(fsync_report)
}

/// Whether `profile` may be claimed as the brokers are now: a majority answers, without which no
/// order is acknowledged, and each that answers syncs every write. Profile `fast` claims nothing.
pub async fn verify_durability(
    connection: &Connection,
    profile: Profile,
) -> Result<(), DurabilityUnverified> {
    if !profile.syncs_always() {
        return Ok(());
    }
    // A closed connection gets no answer.
    fsync_report(connection).await.unwrap_or_default().verify_durability(profile)
}

/// As [`verify_durability`], but waits up to 15 s: for brokers that are starting to be enough, and for the answer of each
/// broker that is running, so that one which does not sync is not overlooked because it is busy.
pub async fn verify_durability_at_start(
    connection: &Connection,
    profile: Profile,
) -> Result<(), DurabilityUnverified> {
    if !profile.syncs_always() {
        return Ok(());
    }
    let deadline = Instant::now() + START_TIMEOUT;
    loop {
        let fsync_report =
            fsync_report_within(connection, ANSWER_TIMEOUT_AT_START).await.unwrap_or_default();
        let is_whole = fsync_report.is_whole();
        match fsync_report.verify_durability(profile) {
            unsynced @ Err(DurabilityUnverified::Unsynced { .. }) => return unsynced,
            proven if Instant::now() >= deadline => return proven,
            Ok(()) if is_whole => return Ok(()),
            Ok(()) | Err(DurabilityUnverified::TooFew { .. }) => sleep(RETRY_DELAY).await,
        }
    }
}

/// What a broker answers, as far as it is read.
#[derive(Deserialize)]
struct Answer {
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
    /// The other brokers: only the leader knows how they are.
    #[serde(default)]
    replicas: Vec<Replica>,
}

#[derive(Deserialize)]
struct Replica {
    name: String,
    #[serde(default)]
    offline: bool,
    /// Nanoseconds since the leader last heard of it.
    active: u64,
}

impl FsyncReport {
    fn hear(&mut self, Answer { server, data }: Answer) {
        if data.disabled {
            // It stores nothing.
            return;
        }
        let Cluster { cluster_size, replicas } =
            data.meta_cluster.unwrap_or(Cluster { cluster_size: 1, replicas: Vec::new() });
        self.known = self.known.max(cluster_size);
        if !replicas.is_empty() {
            let alive = replicas.into_iter().filter(Replica::is_alive).map(|replica| replica.name);
            self.alive = Some(alive.collect());
        }
        let Settings { sync_always, sync_interval } = data.config;
        let every = FsyncPolicy::Every(Duration::from_nanos(sync_interval));
        self.brokers.insert(server.name, if sync_always { FsyncPolicy::Always } else { every });
    }

    /// Whether every broker that is running has answered.
    fn is_whole(&self) -> bool {
        let has_answered = |name| self.brokers.contains_key(name);
        match &self.alive {
            Some(alive) => alive.iter().all(has_answered),
            None => self.brokers.len() >= self.known,
        }
    }

    fn verify_durability(self, profile: Profile) -> Result<(), DurabilityUnverified> {
        let unsynced = |(_, sync): &(String, FsyncPolicy)| *sync != FsyncPolicy::Always;
        let (answered, known) = (self.brokers.len(), self.known.max(profile.brokers()));
        if let Some((broker, sync)) = self.brokers.into_iter().find(unsynced) {
            return Err(DurabilityUnverified::Unsynced { profile, broker, sync });
        }
        let needed = known / 2 + 1;
        if answered < needed {
            return Err(DurabilityUnverified::TooFew { profile, answered, known, needed });
        }
        Ok(())
    }
}

impl Replica {
    fn is_alive(&self) -> bool {
        !self.offline && Duration::from_nanos(self.active) < ALIVE_WITHIN
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
