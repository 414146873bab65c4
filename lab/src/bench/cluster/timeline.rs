//! What happened on a cluster, second by second.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use millrace::audit::Report;
use orders::{OrderId, OrderView, Status};

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

/// The acknowledged orders that were completed.
#[derive(Debug, Default)]
pub(in super::super) struct CompletionTimes(Vec<Completed>);

/// An order that was completed; times are in milliseconds since 1970.
#[derive(Debug)]
pub(in super::super) struct Completed {
    posted_at: i64,
    /// The statuses that it has reached, oldest first.
    pub(in super::super) history: Vec<(Status, i64)>,
    ended_at: i64,
}

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
        for Completed { ended_at, .. } in &completions.0 {
            by_second.entry(ended_at / 1_000).or_default().1 += 1;
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
            let history = &views.get(&ack_record.id)?.history;
            let last = history.last()?;
            last.status.is_final().then(|| Completed {
                posted_at: ack_record.posted_at.as_millis(),
                history: history.iter().map(|it| (it.status, it.at.as_millis())).collect(),
                ended_at: last.at.as_millis(),
            })
        };
        Self(ack_records.iter().filter_map(completion).collect())
    }

    /// Of the orders that were posted from `from` until `to`: the one for which it took longest from the
    /// moment `at`, or from a later post, to completion, and how long. `None` if none was completed after
    /// `at`.
    pub(in super::super) fn slowest(
        &self,
        from: i64,
        to: i64,
        at: i64,
    ) -> Option<(&Completed, Duration)> {
        let times = self.posted_between(from, to);
        let times = times.map(|order| (order, order.ended_at - at.max(order.posted_at)));
        let slowest = times.filter(|(_, time)| *time >= 0).max_by_key(|(_, time)| *time);
        slowest.map(|(order, time)| (order, Duration::from_millis(time as u64)))
    }

    /// From post to completion, of the orders that were posted from `from` until `to`.
    pub(in super::super) fn times(&self, from: i64, to: i64) -> impl Iterator<Item = Duration> {
        self.posted_between(from, to)
            .map(|order| Duration::from_millis((order.ended_at - order.posted_at).max(0) as u64))
    }

    fn posted_between(&self, from: i64, to: i64) -> impl Iterator<Item = &Completed> {
        self.0.iter().filter(move |order| (from..to).contains(&order.posted_at))
    }

    #[cfg(test)]
    pub(in super::super) fn from_pairs(posted_and_completed: &[(i64, i64)]) -> Self {
        let completed = posted_and_completed.iter().map(|&(posted_at, ended_at)| {
            let history = vec![(Status::Fulfilled, ended_at)];
            Completed { posted_at, history, ended_at }
        });
        Self(completed.collect())
    }
}
