//! Whether brokers sync what they write, as they say themselves: what a claim of durability rests on.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use futures_util::StreamExt;
use serde::{Deserialize, Serialize, Serializer};
use thiserror::Error;
use tokio::time::{Instant, sleep, timeout};

use crate::look::{LookError, cannot_look};
use crate::{Connection, Profile, names};

/// How long brokers may take to answer: a healthy one takes a few milliseconds, and for one that is
/// away this is how long the others are kept waiting.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);
/// The same at a start, which may be slow: a broker that is busy just then must not be overlooked.
const ANSWER_WITHIN_AT_START: Duration = Duration::from_secs(3);
/// How long a start waits for enough brokers: they elect a leader within 9 s, and answer before.
const PROOF_PATIENCE: Duration = Duration::from_secs(15);
/// Between two tries: who cannot be reached is known at once.
const PAUSE: Duration = Duration::from_millis(200);

/// When a broker syncs what it writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BrokerSync {
    /// Before it acknowledges a write.
    Always,
    /// So often, whatever was acknowledged meanwhile.
    Every(Duration),
}

/// What the brokers say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Syncs {
    /// Each broker that answered, by its name.
    pub brokers: BTreeMap<String, BrokerSync>,
    /// How many brokers there are, as those that answered say.
    pub known: usize,
}

/// Why a profile may not be claimed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unproven {
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
        sync: BrokerSync,
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
pub async fn syncs(connection: &Connection) -> Result<Syncs, LookError> {
    syncs_within(connection, ANSWER_WITHIN).await
}

async fn syncs_within(connection: &Connection, patience: Duration) -> Result<Syncs, LookError> {
    let client = &connection.client;
    let asked = async {
        let inbox = client.new_inbox();
        let answers = client.subscribe(inbox.clone()).await?;
        client.publish_with_reply(names::BROKERS_ASKED, inbox, "".into()).await?;
        Ok::<_, async_nats::Error>(answers)
    };
    let mut answers = asked.await.map_err(|err| cannot_look("the brokers", err))?;
    let mut syncs = Syncs { brokers: BTreeMap::new(), known: 0 };
    let listen = async {
        while let Some(answer) = answers.next().await {
            // That nobody may be asked is an answer, too.
            if let Ok(answer) = serde_json::from_slice::<Answer>(&answer.payload) {
                syncs.hear(answer);
            }
            if syncs.known > 0 && syncs.brokers.len() >= syncs.known {
                break;
            }
        }
    };
    timeout(patience, listen).await.ok();
    Ok(syncs)
}

/// Whether `profile` may be claimed as the brokers are now: a majority answers, without which no
/// order is acknowledged, and each that answers syncs every write. Profile `fast` claims nothing.
pub async fn prove(connection: &Connection, profile: Profile) -> Result<(), Unproven> {
    prove_within(connection, profile, ANSWER_WITHIN).await
}

async fn prove_within(
    connection: &Connection,
    profile: Profile,
    patience: Duration,
) -> Result<(), Unproven> {
    if !profile.syncs_always() {
        return Ok(());
    }
    let none = Syncs { brokers: BTreeMap::new(), known: 0 };
    // A closed connection hears nobody.
    syncs_within(connection, patience).await.unwrap_or(none).prove(profile)
}

/// As [`prove`], but waits 3 s for each answer, and gives brokers that are starting 15 s to be enough.
pub async fn prove_at_start(connection: &Connection, profile: Profile) -> Result<(), Unproven> {
    let deadline = Instant::now() + PROOF_PATIENCE;
    loop {
        match prove_within(connection, profile, ANSWER_WITHIN_AT_START).await {
            Err(Unproven::TooFew { .. }) if Instant::now() < deadline => sleep(PAUSE).await,
            proven => return proven,
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
}

impl Syncs {
    fn hear(&mut self, Answer { server, data }: Answer) {
        if data.disabled {
            // It stores nothing.
            return;
        }
        self.known = self.known.max(data.meta_cluster.map_or(1, |cluster| cluster.cluster_size));
        let Settings { sync_always, sync_interval } = data.config;
        let every = BrokerSync::Every(Duration::from_nanos(sync_interval));
        self.brokers.insert(server.name, if sync_always { BrokerSync::Always } else { every });
    }

    fn prove(self, profile: Profile) -> Result<(), Unproven> {
        let unsynced = |(_, sync): &(String, BrokerSync)| *sync != BrokerSync::Always;
        let (answered, known) = (self.brokers.len(), self.known.max(profile.brokers()));
        if let Some((broker, sync)) = self.brokers.into_iter().find(unsynced) {
            return Err(Unproven::Unsynced { profile, broker, sync });
        }
        let needed = known / 2 + 1;
        if answered < needed {
            return Err(Unproven::TooFew { profile, answered, known, needed });
        }
        Ok(())
    }
}

impl fmt::Display for BrokerSync {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Always => f.write_str("always"),
            Self::Every(interval) => write!(f, "{interval:?}"),
        }
    }
}

impl Serialize for BrokerSync {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests;
