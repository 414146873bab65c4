//! The results of one cluster: its audit, its throughput and its memory.

use std::collections::BTreeMap;

use millrace::audit::Report;
use serde::Serialize;

/// The audit of a cluster, its throughput and its memory.
#[derive(Debug, Clone, Serialize)]
pub struct ClusterReport {
    /// The measurement that it was started for.
    pub name: String,
    /// The findings of the audit.
    pub audit: Report,
    /// Throughput and lag, second by second.
    pub seconds: Vec<SecondStats>,
    /// Resident memory by process: seconds since the start, and MiB.
    pub memory: BTreeMap<String, Vec<(f64, f64)>>,
}

/// One second of a cluster.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct SecondStats {
    /// Seconds since the start.
    pub at: u64,
    /// Acknowledged orders that were posted in this second.
    pub acknowledged: u64,
    /// Orders that were completed in this second.
    #[serde(rename = "ended")]
    pub completed: u64,
    /// Orders in flight at the end of this second.
    pub lag: u64,
}
