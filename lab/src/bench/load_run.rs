//! One run of the generator: what was posted, and the CPU time of each process during the run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use crate::load::{Phase, PhaseResult, Plan, Requests};
use crate::order_client::new_key_prefix;

/// The load of one run.
pub(super) struct Load {
    /// The servers, as `http://HOST:PORT`.
    pub(super) urls: Vec<String>,
    /// What is requested of them.
    pub(super) requests: Requests,
    /// The phases in order, each with its name; one without a name warms up and is not reported.
    pub(super) phases: Vec<(String, Phase)>,
}

/// The results of one phase.
#[derive(Debug, Clone, Serialize)]
pub struct LoadRun {
    /// The name of the measurement.
    pub name: String,
    /// Acknowledged orders per second.
    pub per_second: f64,
    /// The generator's share of the whole machine's CPU, 0 to 1.
    pub generator_share: f64,
    /// CPU time by kind of process for each acknowledged order, in microseconds, over all phases of
    /// the run.
    pub cpu_micros: BTreeMap<String, f64>,
    /// The counts of the generator.
    pub result: PhaseResult,
}

/// CPU time by process.
pub(super) type CpuTimes = BTreeMap<String, Duration>;

/// CPU time by kind of process for each order, in microseconds.
#[derive(Debug, Clone)]
pub(super) struct CpuPerOrder(BTreeMap<String, f64>);

impl CpuPerOrder {
    /// `cpu` shared by all `orders`.
    pub(super) fn of(cpu: &CpuTimes, orders: u64) -> Self {
        let mut micros = BTreeMap::new();
        for (process, time) in cpu {
            let of_order = time.as_secs_f64() * 1e6 / orders.max(1) as f64;
            *micros.entry(kind(process).to_owned()).or_default() += of_order;
        }
        Self(micros)
    }

    /// What the processes of these kinds use together.
    pub(super) fn sum(&self, kinds: &[&str]) -> f64 {
        kinds.iter().filter_map(|kind| self.0.get(*kind)).sum()
    }
}

/// The orders of the file `bodies`, each under a key of its own.
pub(super) fn orders(bodies: &Path) -> Requests {
    Requests::Orders { bodies: bodies.to_path_buf(), run: new_key_prefix(), tokens: None }
}

/// A closed loop of `connections`.
pub(super) const fn closed(connections: usize, lasts: Duration) -> Phase {
    Phase { connections, rate: None, duration_ms: lasts.as_millis() as u64, orders_max: None }
}

/// An open loop at `rate` orders per second, with at most `connections` of them in flight.
pub(super) const fn open(connections: usize, rate: f64, lasts: Duration) -> Phase {
    Phase { connections, rate: Some(rate), duration_ms: lasts.as_millis() as u64, orders_max: None }
}

impl Load {
    /// What the generator is asked for. It records acknowledged orders in `ack_file`.
    pub(super) fn plan(&self, ack_file: Option<PathBuf>) -> Plan {
        let target = |url: &String| url.trim_start_matches("http://").to_owned();
        Plan {
            targets: self.urls.iter().map(target).collect(),
            requests: self.requests.clone(),
            ack_file,
            phases: self.phases.iter().map(|(_, phase)| *phase).collect(),
        }
    }

    /// The phases to report. `cpu` is what each process used during the run.
    pub(super) fn runs(&self, results: &[PhaseResult], cpu: &CpuTimes) -> Vec<LoadRun> {
        let orders: u64 = results.iter().map(|result| result.acknowledged).sum();
        let generator: f64 = results.iter().map(|result| result.cpu_seconds).sum();
        let mut cpu = cpu.clone();
        cpu.insert("generator".to_owned(), Duration::from_secs_f64(generator));
        let CpuPerOrder(cpu_micros) = CpuPerOrder::of(&cpu, orders);
        let cores = std::thread::available_parallelism().map_or(1, usize::from) as f64;
        let named = self.phases.iter().zip(results).filter(|((name, _), _)| !name.is_empty());
        let run = |((name, _), result): (&(String, Phase), &PhaseResult)| LoadRun {
            name: name.clone(),
            per_second: result.rate(),
            generator_share: result.cpu_seconds / (result.lasted() * cores),
            cpu_micros: cpu_micros.clone(),
            result: result.clone(),
        };
        named.map(run).collect()
    }
}

/// The kind of a process, as `edge` for `edge-2`.
pub(super) fn kind(process: &str) -> &str {
    process.trim_end_matches(|symbol: char| symbol.is_ascii_digit()).trim_end_matches('-')
}

/// The CPU time that each process used between two samples.
pub(super) fn used(before: &CpuTimes, after: &CpuTimes) -> CpuTimes {
    let difference = |(process, time): (&String, &Duration)| {
        let before = before.get(process).copied().unwrap_or_default();
        (process.clone(), time.saturating_sub(before))
    };
    after.iter().map(difference).collect()
}
