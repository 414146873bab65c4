//! The demo's report: the audit's findings, latencies and throughput.

use std::fmt;
use std::path::Path;

use anyhow::Result;
use millrace::audit::{Report, write_json};
use serde::Serialize;

use crate::percentiles::Percentiles;

/// The result of a demo.
#[derive(Debug, Clone, Serialize)]
pub(super) struct DemoReport {
    /// The audit's findings.
    #[serde(flatten)]
    pub(super) audit: Report,
    /// Time from the POST to the 202, in milliseconds.
    pub(super) ack_ms: Option<Percentiles>,
    /// Time from the POST to the final state, in milliseconds.
    pub(super) final_ms: Option<Percentiles>,
    /// Acknowledged orders divided by the time until all were final, in orders per second.
    pub(super) orders_per_second: f64,
}

impl DemoReport {
    /// Writes the JSON to `file`.
    pub(super) fn write(&self, file: &Path) -> Result<()> {
        write_json(self, file)
    }
}

impl fmt::Display for DemoReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = |name: &str, value: String| writeln!(f, "  {name:<18}{value}");
        let times = [("POST to 202", self.ack_ms), ("POST to final", self.final_ms)];
        for (name, times) in times.into_iter().filter_map(|(name, times)| Some((name, times?))) {
            let Percentiles { p50, p90, p99, max } = times;
            row(name, format!("p50 {p50:.1}  p90 {p90:.1}  p99 {p99:.1}  max {max:.1} ms"))?;
        }
        row("orders per second", format!("{:.0}", self.orders_per_second))?;
        write!(f, "{}", self.audit)
    }
}
