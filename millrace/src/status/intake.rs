//! The setting of the intake, and whether the edges do what it says.

use std::collections::BTreeSet;
use std::fmt;

use anyhow::Result;
use orders::Timestamp;
use serde::Serialize;
use streams::subjects::INTAKE_KEY;
use streams::{
    Connection, IntakeSetting, Requester, Setting, StoredSetting, WorkerPresence, own_time,
    read_setting,
};

use crate::intake::describe;

/// The setting of the intake.
#[derive(Debug, Clone, Serialize)]
pub struct IntakeStatus {
    /// The revision of what is in the bucket.
    pub revision: u64,
    /// When it was written, by the time of the broker.
    pub written_at_ms: Timestamp,
    /// The setting; `None` if what is in the bucket is not one.
    pub setting: Option<IntakeSetting>,
    /// Why it is not one. The last good one stays in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The revisions that are in force at the edges.
    pub in_force: BTreeSet<u64>,
}

impl IntakeStatus {
    /// What is set; `None` if nothing ever was.
    pub(super) async fn query(
        connection: &Connection,
        present: &WorkerPresence,
    ) -> Result<Option<Self>> {
        let requester = Requester::new(connection.clone());
        let stored = read_setting::<IntakeSetting>(&requester, INTAKE_KEY).await?;
        let in_force = present.edges.iter().map(|edge| edge.revision).collect();
        Ok(stored.map(|StoredSetting { revision, written_at, setting }| {
            let (setting, error) = match setting {
                Ok(setting) => (Some(setting), None),
                Err(err) => (None, Some(err.to_string())),
            };
            Self { revision, written_at_ms: written_at, setting, error, in_force }
        }))
    }
}

impl fmt::Display for IntakeStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(setting) = &self.setting {
            write!(f, "{}", describe(setting, own_time()))?;
        } else {
            write!(f, "INVALID: {}", self.error.as_deref().unwrap_or_default())?;
        }
        let by = self.setting.as_ref().and_then(Setting::author);
        let by = by.map(|by| format!(" by {by}")).unwrap_or_default();
        write!(f, " [revision {}{by}]", self.revision)?;
        if !self.in_force.iter().eq([&self.revision]) && !self.in_force.is_empty() {
            let revisions: Vec<String> = self.in_force.iter().map(u64::to_string).collect();
            write!(f, "; in force: revision {}", revisions.join(", "))?;
        }
        Ok(())
    }
}
