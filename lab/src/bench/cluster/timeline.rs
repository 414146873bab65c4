//! What happened on a cluster, second by second.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use millrace::audit::Report;
use orders::{OrderId, OrderView};

use super::super::cluster_report::{ClusterReport, SecondStats};
use super::super::load_run::kind;
use crate::load::ack_record::AckRecord;
use crate::proc_usage::Usage;

pub(super) const MIB: f64 = 1_048_576.0;

/// Samples taken while a cluster runs.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    /// By process: milliseconds since 1970, and MiB.
    memory: BTreeMap<String, Vec<(i64, f64)>>,
}

/// When each acknowledged order was posted and when it was completed, in milliseconds since 1970.
#[derive(Debug, Default)]
pub(in super::super) struct CompletionTimes(Vec<(i64, i64)>);

impl Timeline {
    pub(super) fn record(&mut self, process: String, now_ms: i64, usage: Usage) {
        let sample = (now_ms, usage.resident_bytes() as f64 / MIB);
        self.memory.entry(process).or_default().push(sample);
    }

    pub(super) fn peak_rss_mib(&self, kinds: &[&str], from: i64, to: i64) -> f64 {
        let of_kinds = self.memory.iter().filter(|(process, _)| kinds.contains(&kind(process)));
        let samples = of_kinds.flat_map(|(_, samples)| samples);
        let in_range = samples.filter(|(at, _)| (from..=to).contains(at));
        in_range.map(|(_, mib)| *mib).fold(0.0, f64::max)
    }

    pub(super) fn report(
        &self,
        name: &str,
        audit: Report,
        ack_records: &[AckRecord],
        completions: &CompletionTimes,
    ) -> ClusterReport {
        let mut by_second: BTreeMap<i64, (u64, u64)> = BTreeMap::new();
        for ack_record in ack_records {
            by_second.entry(ack_record.posted_at.as_millis() / 1_000).or_default().0 += 1;
        }
        for (_, completed_at) in &completions.0 {
            by_second.entry(completed_at / 1_000).or_default().1 += 1;
        }
        let first = by_second.keys().next().copied().unwrap_or_default();
        let last = by_second.keys().next_back().copied().unwrap_or_default();
        let mut lag = 0_i64;
        let stats = |second| {
            let (acknowledged, completed) = by_second.get(&second).copied().unwrap_or_default();
            lag += acknowledged as i64 - completed as i64;
            let at = (second - first) as u64;
            SecondStats { at, acknowledged, completed, lag: lag.max(0) as u64 }
        };
        let seconds = (first..=last).map(stats).collect();
        let since_first = |samples: &Vec<(i64, f64)>| {
            samples.iter().map(|(at, mib)| (*at as f64 / 1e3 - first as f64, *mib)).collect()
        };
        let memory = self.memory.iter();
        let memory =
            memory.map(|(process, samples)| (process.clone(), since_first(samples))).collect();
        ClusterReport { name: name.to_owned(), audit, seconds, memory }
    }
}

impl CompletionTimes {
    /// Of the acknowledged orders whose last status is final.
    pub(super) fn of(ack_records: &[AckRecord], views: &HashMap<OrderId, OrderView>) -> Self {
        let completion = |ack_record: &AckRecord| {
            let last = views.get(&ack_record.id)?.history.last()?;
            let is_final = last.status.is_final();
            is_final.then_some((ack_record.posted_at.as_millis(), last.at.as_millis()))
        };
        Self(ack_records.iter().filter_map(completion).collect())
    }

    /// Of the orders that were posted from `from` until `to`: the longest time from the moment `at`,
    /// or from a later post, to completion. `None` if none was completed after `at`.
    pub(in super::super) fn last_completion(
        &self,
        from: i64,
        to: i64,
        at: i64,
    ) -> Option<Duration> {
        let in_range = self.0.iter().filter(|(posted_at, _)| (from..to).contains(posted_at));
        let times = in_range.map(|(posted_at, completed_at)| completed_at - at.max(*posted_at));
        times.filter(|time| *time >= 0).max().map(|time| Duration::from_millis(time as u64))
    }

    /// From post to completion, of the orders that were posted from `from` until `to`.
    pub(in super::super) fn times(&self, from: i64, to: i64) -> impl Iterator<Item = Duration> {
        let in_range = self.0.iter().filter(move |(posted_at, _)| (from..to).contains(posted_at));
        in_range.map(|(posted_at, completed_at)| {
            Duration::from_millis((completed_at - posted_at).max(0) as u64)
        })
    }

    #[cfg(test)]
    pub(in super::super) fn from_pairs(posted_and_completed: &[(i64, i64)]) -> Self {
        Self(posted_and_completed.to_vec())
    }
}
