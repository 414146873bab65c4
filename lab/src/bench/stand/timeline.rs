//! How a cluster went, second by second.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use millrace::audit::Report;
use orders::{OrderId, OrderView};
use serde::Serialize;

use super::super::load_run::kind;
use crate::load::ack_record::AckRecord;
use crate::usage::Usage;

pub(super) const MIB: f64 = 1_048_576.0;

/// How a cluster went.
#[derive(Debug, Clone, Serialize)]
pub struct StandReport {
    /// What was measured on it.
    pub name: String,
    /// What the audit found.
    pub audit: Report,
    /// Second by second.
    pub seconds: Vec<Moment>,
    /// Resident memory of each process: seconds from the beginning, and MiB.
    pub memory: BTreeMap<String, Vec<(f64, f64)>>,
}

/// One second of a cluster.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Moment {
    /// Seconds from the beginning.
    pub at: u64,
    /// Orders that were posted in it, of those that were acknowledged.
    pub acknowledged: u64,
    /// Orders that came to their end in it.
    pub ended: u64,
    /// Orders that were on their way at its end.
    pub lag: u64,
}

/// What is noted while a cluster is watched.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    /// By process: milliseconds since 1970, and MiB.
    memory: BTreeMap<String, Vec<(i64, f64)>>,
}

/// When each promised order was posted, and when it came to its end, in milliseconds since 1970.
#[derive(Debug, Default)]
pub(in super::super) struct Ended(Vec<(i64, i64)>);

impl Timeline {
    pub(super) fn remember(&mut self, process: String, now_ms: i64, usage: Usage) {
        let sample = (now_ms, usage.resident_bytes() as f64 / MIB);
        self.memory.entry(process).or_default().push(sample);
    }

    pub(super) fn peak_mib(&self, kinds: &[&str], from: i64, to: i64) -> f64 {
        let its = self.memory.iter().filter(|(process, _)| kinds.contains(&kind(process)));
        let samples = its.flat_map(|(_, samples)| samples);
        let within = samples.filter(|(at, _)| (from..=to).contains(at));
        within.map(|(_, mib)| *mib).fold(0.0, f64::max)
    }

    pub(super) fn report(
        &self,
        name: &str,
        audit: Report,
        promises: &[AckRecord],
        ended: &Ended,
    ) -> StandReport {
        let mut by_second: BTreeMap<i64, (u64, u64)> = BTreeMap::new();
        for ack_record in promises {
            by_second.entry(ack_record.posted_at.as_millis() / 1_000).or_default().0 += 1;
        }
        for (_, end) in &ended.0 {
            by_second.entry(end / 1_000).or_default().1 += 1;
        }
        let first = by_second.keys().next().copied().unwrap_or_default();
        let last = by_second.keys().next_back().copied().unwrap_or_default();
        let mut lag = 0_i64;
        let moment = |second| {
            let (acknowledged, ended) = by_second.get(&second).copied().unwrap_or_default();
            lag += acknowledged as i64 - ended as i64;
            let (at, lag) = ((second - first) as u64, lag.max(0) as u64);
            Moment { at, acknowledged, ended, lag }
        };
        let seconds = (first..=last).map(moment).collect();
        let since = |samples: &Vec<(i64, f64)>| {
            samples.iter().map(|(at, mib)| (*at as f64 / 1e3 - first as f64, *mib)).collect()
        };
        let memory = self.memory.iter().map(|(name, its)| (name.clone(), since(its))).collect();
        StandReport { name: name.to_owned(), audit, seconds, memory }
    }
}

impl Ended {
    pub(super) fn of(promises: &[AckRecord], views: &HashMap<OrderId, OrderView>) -> Self {
        let end = |ack_record: &AckRecord| {
            let last = views.get(&ack_record.id)?.history.last()?;
            let is_final = last.status.is_final();
            is_final.then_some((ack_record.posted_at.as_millis(), last.at.as_millis()))
        };
        Self(promises.iter().filter_map(end).collect())
    }

    /// From post to end, of the orders that were posted from `from` until `to`.
    pub(in super::super) fn times(&self, from: i64, to: i64) -> impl Iterator<Item = Duration> {
        let posted = self.0.iter().filter(move |(posted, _)| (from..to).contains(posted));
        posted.map(|(posted, end)| Duration::from_millis((end - posted).max(0) as u64))
    }
}
