//! The settings of the pools, and whether their workers do what they say.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::{Duration, SystemTime};

use anyhow::Result;
use bytes::Bytes;
use orders::Timestamp;
use serde::Serialize;
use streams::subjects::lag_subject;
use streams::{
    Autoscale, Connection, Pool, PoolLag, PoolSetting, Requester, Setting, WorkerPresence,
    read_setting,
};

use crate::limits::LAG_TIMEOUT;

/// The state of a worker of a version that knows no settings.
const EARLIER: &str = "of an earlier version";
/// What is said of a key that is gone while workers have its setting.
const GONE: &str =
    "the key is gone from the bucket, and the setting of before is in force: write it again";

/// The setting of one pool.
#[derive(Debug, Clone, Serialize)]
pub struct PoolStatus {
    /// The revision of what is in the bucket.
    pub revision: u64,
    /// When it was written, by the time of the broker.
    pub written_at_ms: Timestamp,
    /// The setting; `None` if what is in the bucket is not one.
    pub setting: Option<PoolSetting>,
    /// Why it is not one. The last good one stays in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// How many workers the pool needs; `None` if its setting does not say, or if nothing answers.
    pub wanted: Option<u32>,
    /// How many workers are in which state.
    pub worker_states: BTreeMap<String, u64>,
    /// The revisions that are in force at the workers.
    pub in_force: BTreeSet<u64>,
}

impl PoolStatus {
    /// The setting of `pool`; `None` if there never was one.
    pub(super) async fn query(
        connection: &Connection,
        pool: Pool,
        present: &WorkerPresence,
    ) -> Result<Option<Self>> {
        let requester = Requester::new(connection.clone());
        let stored = read_setting::<PoolSetting>(&requester, pool.as_str()).await?;
        let mut worker_states = BTreeMap::new();
        let mut in_force = BTreeSet::new();
        for (_, worker) in present.reports.iter().filter(|(of, _)| *of == pool) {
            // A worker of an earlier version says nothing of it.
            let state = if worker.pull.state.is_empty() { EARLIER } else { &worker.pull.state };
            *worker_states.entry(state.to_owned()).or_default() += 1;
            in_force.insert(worker.pull.revision);
        }
        let Some(stored) = stored else {
            // Workers go on with the setting of a key that is gone.
            let is_gone = in_force.iter().any(|revision| *revision > 0);
            return Ok(is_gone.then(|| Self {
                revision: 0,
                written_at_ms: SystemTime::now().into(),
                setting: None,
                error: Some(GONE.to_owned()),
                wanted: None,
                worker_states,
                in_force,
            }));
        };
        let wanted = wanted(&requester, pool).await;
        let (setting, error) = match stored.setting {
            Ok(setting) => (Some(setting), None),
            Err(err) => (None, Some(err.to_string())),
        };
        Ok(Some(Self {
            revision: stored.revision,
            written_at_ms: stored.written_at,
            setting,
            error,
            wanted,
            worker_states,
            in_force,
        }))
    }

    /// How long ago it was written.
    fn age(&self) -> Duration {
        let now = Timestamp::from(SystemTime::now()).as_millis();
        Duration::from_secs(((now - self.written_at_ms.as_millis()) / 1_000).max(0) as u64)
    }
}

impl fmt::Display for PoolStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(setting) = &self.setting {
            write!(f, "{}", describe(setting, SystemTime::now().into()))?;
        } else {
            write!(f, "INVALID: {}", self.error.as_deref().unwrap_or_default())?;
        }
        let by = self.setting.as_ref().and_then(|setting| setting.by.as_deref());
        let by = by.map(|by| format!(" by {by}")).unwrap_or_default();
        let age = humantime::format_duration(self.age());
        write!(f, " [revision {}{by}, {age} ago]", self.revision)?;
        let states = self.worker_states.iter().map(|(state, count)| format!("{count} {state}"));
        write!(f, " workers: {}", listed(states))?;
        let running: u64 = self.worker_states.values().sum();
        if let Some(wanted) = self.wanted.filter(|wanted| u64::from(*wanted) != running) {
            write!(f, "; wanted {wanted}, running {running}")?;
        }
        if !self.in_force.iter().eq([&self.revision]) && !self.in_force.is_empty() {
            write!(f, "; in force: revision {}", listed(self.in_force.iter().map(u64::to_string)))?;
        }
        Ok(())
    }
}

/// How many workers `pool` needs, if its setting and its backlog say.
async fn wanted(requester: &Requester, pool: Pool) -> Option<u32> {
    let subject = lag_subject(pool.as_str());
    let reply = requester.request(&subject, Bytes::new(), LAG_TIMEOUT).await.ok()?;
    serde_json::from_slice::<PoolLag>(&reply).ok()?.wanted
}

fn listed(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    if items.is_empty() { "none".to_owned() } else { items.join(", ") }
}

/// A setting in words, at the time `now`.
pub(crate) fn describe(setting: &PoolSetting, now: Timestamp) -> String {
    let PoolSetting { paused, until, workers, rate, batch, autoscale, why, .. } = setting;
    let until = until.as_ref().map(|until| format!(" until {until}")).unwrap_or_default();
    let pause = if setting.is_paused_at(Some(now)) { "PAUSED" } else { "was paused" };
    let parts = [
        paused.then(|| format!("{pause}{until}")),
        workers.map(|workers| format!("workers {workers}")),
        rate.map(|rate| format!("rate {rate}/s")),
        batch.map(|batch| format!("batch {batch}")),
        autoscale.map(|Autoscale { min, max, target_seconds }| {
            format!("autoscale {min}..{max} for {target_seconds} s")
        }),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    let parts = if parts.is_empty() { "as without a setting".to_owned() } else { parts.join(", ") };
    why.as_ref().map_or_else(|| parts.clone(), |why| format!("{parts}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(json: &str, states: &[(&str, u64)], in_force: &[u64]) -> String {
        shown(json, states, in_force, None)
    }

    fn shown(json: &str, states: &[(&str, u64)], in_force: &[u64], wanted: Option<u32>) -> String {
        let parsed = PoolSetting::parse(json.as_bytes());
        let shown = PoolStatus {
            revision: 7,
            written_at_ms: SystemTime::now().into(),
            error: parsed.as_ref().err().map(ToString::to_string),
            setting: parsed.ok(),
            wanted,
            worker_states: states.iter().map(|(state, n)| ((*state).to_owned(), *n)).collect(),
            in_force: in_force.iter().copied().collect(),
        };
        shown.to_string()
    }

    #[test]
    fn a_setting_is_shown_with_who_why_and_what_the_workers_do() {
        let json = r#"{"paused":true,"rate":9,"why":"provider maintenance","by":"ann"}"#;
        assert_eq!(
            status(json, &[("paused", 2)], &[7]),
            "PAUSED, rate 9/s: provider maintenance [revision 7 by ann, 0s ago] workers: 2 paused"
        );
        assert_eq!(
            status("{}", &[("paused", 1), ("working", 1)], &[6, 7]),
            "as without a setting [revision 7, 0s ago] workers: 1 paused, 1 working; in force: revision 6, 7"
        );
    }

    #[test]
    fn a_pause_that_is_over_is_not_shown_as_one() {
        let json = r#"{"paused":true,"until":"2020-01-01T00:00:00Z"}"#;
        assert!(
            status(json, &[("working", 1)], &[7]).starts_with("was paused until 2020-01-01T00")
        );
    }

    #[test]
    fn more_workers_than_run_are_shown_as_wanted() {
        let json = r#"{"autoscale":{"min":1,"max":8,"target_seconds":2}}"#;
        let text = shown(json, &[("working", 2)], &[7], Some(5));
        assert!(text.starts_with("autoscale 1..8 for 2 s [revision 7"), "{text}");
        assert!(text.ends_with("workers: 2 working; wanted 5, running 2"), "{text}");
        let text = shown(json, &[("working", 5)], &[7], Some(5));
        assert!(text.ends_with("workers: 5 working"), "{text}");
    }

    #[test]
    fn what_is_not_a_setting_is_shown_with_its_fault_and_the_revision_in_force() {
        assert_eq!(
            status(r#"{"pasued":true}"#, &[("invalid", 1)], &[6]),
            "INVALID: `pasued` is not a member: there are paused, until, workers, rate, batch, autoscale, why and by \
             [revision 7, 0s ago] workers: 1 invalid; in force: revision 6"
        );
    }
}
