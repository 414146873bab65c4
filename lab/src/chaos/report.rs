//! The report of a chaos run: the audit's findings, and the recovery from each fault.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use anyhow::Result;
use millrace::audit::{Report, write_json};
use serde::Serialize;

/// The result of a chaos run.
#[derive(Debug, Clone, Serialize)]
pub struct ChaosReport {
    /// The seed of the schedule and of the orders.
    pub seed: u64,
    /// The duration of the load, in seconds.
    pub seconds: u64,
    /// Orders per second.
    pub rate: u32,
    /// The number of buyers.
    #[serde(rename = "came")]
    pub buyers: u64,
    /// Bodies that were refused because the order under their key has another one.
    pub refused_bodies: u64,
    /// Records that no step can process: each became a dead letter, which was discarded.
    pub bad_records: u64,
    /// Refunds that failed at the provider: each became a dead letter, which was replayed.
    pub failed_refunds: u64,
    /// The number of seconds without any 202.
    pub seconds_without_intake: u64,
    /// The injected faults, by time.
    pub faults: Vec<FaultReport>,
    /// How often each role process exited by itself, for example without brokers, and was
    /// restarted.
    pub restarts: BTreeMap<String, u64>,
    /// How often an edge or a worker was stopped and started again by `rolling-restart`.
    pub planned_restarts: PlannedRestarts,
    /// The findings of the audit.
    #[serde(flatten)]
    pub audit: Report,
}

/// Planned restarts of edges and workers, by the version that was started.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct PlannedRestarts {
    /// With this version.
    pub current: u64,
    /// With the earlier version.
    pub previous: u64,
}

/// One fault and the recovery from it. Another fault may have been active at the same time.
#[derive(Debug, Clone, Serialize)]
pub struct FaultReport {
    /// The name of the fault.
    pub fault: String,
    /// Time of the injection, in milliseconds from the start of the run.
    pub at_ms: u64,
    /// Time from the injection until the fault was healed, in milliseconds.
    #[serde(rename = "lasted_ms")]
    pub duration_ms: u64,
    /// Time from the injection to the first 202 for an order that was placed after it, in
    /// milliseconds; `None` if there was none.
    pub next_202_ms: Option<u64>,
    /// Time from the injection until an order placed then was final, in milliseconds; `None` if
    /// that took too long.
    pub probe_final_ms: Option<u64>,
}

impl ChaosReport {
    /// Writes the JSON to `file`.
    pub fn write(&self, file: &Path) -> Result<()> {
        write_json(self, file)
    }
}

impl fmt::Display for ChaosReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "  {:<18}{:>8}{:>9}{:>10}{:>14}",
            "fault", "at", "duration", "next 202", "probe final"
        )?;
        for fault in &self.faults {
            let FaultReport { fault, at_ms, duration_ms, next_202_ms, probe_final_ms } = fault;
            let at = seconds(Some(*at_ms));
            let duration = seconds(Some(*duration_ms));
            let next = seconds(*next_202_ms);
            let probe = seconds(*probe_final_ms);
            writeln!(f, "  {fault:<18}{at:>8}{duration:>9}{next:>10}{probe:>14}")?;
        }
        let restarts: u64 = self.restarts.values().sum();
        writeln!(f, "\n  {:<18}{}", "seed", self.seed)?;
        writeln!(f, "  {:<18}{} in {} s", "buyers", self.buyers, self.seconds)?;
        writeln!(f, "  {:<18}{}", "refused bodies", self.refused_bodies)?;
        writeln!(f, "  {:<18}{}", "bad records", self.bad_records)?;
        writeln!(f, "  {:<18}{}", "failed refunds", self.failed_refunds)?;
        writeln!(f, "  {:<18}{} s", "without intake", self.seconds_without_intake)?;
        writeln!(f, "  {:<18}{restarts}", "restarts")?;
        let PlannedRestarts { current, previous } = self.planned_restarts;
        let planned = format!("{}, {previous} with the earlier version", current + previous);
        writeln!(f, "  {:<18}{planned}", "planned restarts")?;
        write!(f, "{}", self.audit)
    }
}

fn seconds(millis: Option<u64>) -> String {
    millis.map_or_else(|| "never".to_owned(), |millis| format!("{:.1} s", millis as f64 / 1_000.0))
}
