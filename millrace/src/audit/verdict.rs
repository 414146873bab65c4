//! The comparison of what the audit has read: pure, without I/O. One file for each kind of check.

mod answers;
mod funds;
mod orders;
mod promises;
mod stock;
#[cfg(test)]
pub(super) mod test_inputs;

use std::collections::{BTreeMap, HashMap, HashSet};

use ::orders::{OrderId, OrderView};
use streams::{Difference, Impact};
use workers::Discrepancy;

use super::observers::ObserverFindings;
use super::report::{Problem, Report};
use super::stuck_order::StuckOrder;
use crate::limits::PROBLEMS_LISTED_MAX;
pub(super) use orders::OrderRows;
pub(super) use promises::Contents;

/// The verdict of an audit, built check by check.
pub(super) struct Verdict {
    report: Report,
    /// Whether nothing moved while the sources were read, so that all of them must agree.
    is_quiescent: bool,
    stuck: Vec<StuckOrder>,
    /// Orders of which restored streams may lack events.
    since_backup: HashSet<OrderId>,
    problems: u64,
}

impl Verdict {
    pub(super) fn new(report: Report, is_quiescent: bool) -> Self {
        let report = Report { quiet: is_quiescent, ..report };
        let (stuck, since_backup) = (Vec::new(), HashSet::new());
        Self { report, is_quiescent, stuck, since_backup, problems: 0 }
    }

    /// Notes of which orders the streams may lack events, if they were restored. Call it before the checks of
    /// orders.
    pub(super) fn note_restore(&mut self, views: &HashMap<OrderId, OrderView>) {
        let Some(restored) = &self.report.restored else { return };
        let advanced = views.iter().filter(|(_, view)| restored.may_lack_events_of(view));
        self.since_backup = advanced.map(|(id, _)| *id).collect();
    }

    /// The report, and the stuck orders.
    pub(super) fn into_report(mut self) -> (Report, Vec<StuckOrder>) {
        let unlisted = self.problems.saturating_sub(PROBLEMS_LISTED_MAX as u64);
        if unlisted > 0 {
            let detail = format!("{unlisted} more problems are not listed");
            self.report.problems.push(Problem { subject: "audit".to_owned(), detail });
        }
        self.report.passed = self.problems == 0;
        (self.report, self.stuck)
    }

    /// Reports streams and durable consumers that are missing, and settings that lose orders.
    pub(super) fn check_topology(&mut self, differences: &[Difference]) {
        let is_problem = |it: &&Difference| it.impact == Impact::BreaksPromise || it.is_missing();
        for difference in differences.iter().filter(is_problem) {
            self.problem(&"brokers", &difference.to_string());
        }
    }

    /// Reports the rows of observing pools that do not agree with the orders.
    pub(super) fn check_observers(&mut self, observers: BTreeMap<&str, ObserverFindings>) {
        for (pool, findings) in observers {
            for Discrepancy { subject, detail } in &findings.discrepancies {
                self.problem(&format!("{pool} {subject}"), detail);
            }
            self.report.observers.insert(pool.to_owned(), findings);
        }
    }

    fn problem(&mut self, subject: &impl ToString, detail: &str) {
        self.problems += 1;
        if self.report.problems.len() < PROBLEMS_LISTED_MAX {
            let (subject, detail) = (subject.to_string(), detail.to_owned());
            self.report.problems.push(Problem { subject, detail });
        }
    }
}
