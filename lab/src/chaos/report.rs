//! What a chaos run came to: the audit's findings, and how each fault was got over.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use anyhow::{Context, Result};
use millrace::audit::Report;
use serde::Serialize;

/// What a chaos run came to.
#[derive(Debug, Clone, Serialize)]
pub struct ChaosReport {
    /// What the plan and the orders were drawn from.
    pub seed: u64,
    /// How long orders came.
    pub seconds: u64,
    /// Orders a second that came.
    pub rate: u32,
    /// Buyers who came.
    pub came: u64,
    /// Seconds in which nobody got a 202.
    pub seconds_without_intake: u64,
    /// What happened, in this order.
    pub faults: Vec<FaultReport>,
    /// How often each member ended by itself, as for want of brokers, and was started again.
    pub restarts: BTreeMap<String, u64>,
    /// What the audit found in the end.
    #[serde(flatten)]
    pub audit: Report,
}

/// One fault, and how it was got over. Another fault may have happened meanwhile.
#[derive(Debug, Clone, Serialize)]
pub struct FaultReport {
    /// Its name.
    pub fault: String,
    /// When it began, from the begin of the run.
    pub at_ms: u64,
    /// Until it was healed.
    pub lasted_ms: u64,
    /// From its begin to the first 202 for an order that was placed after that.
    pub next_202_ms: Option<u64>,
    /// From its begin to the final state of an order that was placed then.
    pub probe_final_ms: Option<u64>,
}

impl ChaosReport {
    /// Writes the JSON to `file`.
    pub fn write(&self, file: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
    }
}

impl fmt::Display for ChaosReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "  {:<18}{:>8}{:>9}{:>10}{:>14}",
            "fault", "at", "lasted", "next 202", "probe final"
        )?;
        for fault in &self.faults {
            let FaultReport { fault, at_ms, lasted_ms, next_202_ms, probe_final_ms } = fault;
            let (at, lasted) = (seconds(Some(*at_ms)), seconds(Some(*lasted_ms)));
            let (next, last) = (seconds(*next_202_ms), seconds(*probe_final_ms));
            writeln!(f, "  {fault:<18}{at:>8}{lasted:>9}{next:>10}{last:>14}")?;
        }
        let restarts: u64 = self.restarts.values().sum();
        writeln!(f, "\n  {:<18}{}", "seed", self.seed)?;
        writeln!(f, "  {:<18}{} in {} s", "buyers", self.came, self.seconds)?;
        writeln!(f, "  {:<18}{} s", "without intake", self.seconds_without_intake)?;
        writeln!(f, "  {:<18}{restarts}", "restarts")?;
        write!(f, "{}", self.audit)
    }
}

fn seconds(millis: Option<u64>) -> String {
    millis.map_or_else(|| "never".to_owned(), |it| format!("{:.1} s", it as f64 / 1_000.0))
}
