//! CPU time and memory of every process of a measured cluster, sampled once a second.

use std::pin::pin;
use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use super::super::load_run::CpuTimes;
use super::timeline::MIB;
use super::{BenchCluster, now_ms};
use crate::proc_usage::Usage;
use crate::up::Cluster;

const SAMPLE_INTERVAL: Duration = Duration::from_secs(1);
/// Processes that are not Millrace's own footprint.
const EXCLUDED_FROM_RSS: [&str; 2] = ["postgres", "provider"];

impl BenchCluster {
    /// The largest memory of a process of these kinds between two times, in MiB.
    pub(in super::super) fn peak_rss_mib(&self, kinds: &[&str], from: i64, to: i64) -> f64 {
        self.timeline.peak_rss_mib(kinds, from, to)
    }

    /// The memory of all processes of the cluster except PostgreSQL and the provider, in MiB.
    pub(in super::super) fn rss_mib(&self) -> f64 {
        let usages = self.usages().into_iter();
        let own = usages.filter(|(name, _)| !EXCLUDED_FROM_RSS.contains(&&name[..]));
        own.map(|(_, usage)| usage.resident_bytes() as f64 / MIB).sum()
    }

    /// Runs `work`, sampling the memory of all processes once a second and at its end.
    pub(super) async fn while_sampling<T>(
        &mut self,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let mut work = pin!(work);
        loop {
            self.sample_memory();
            tokio::select! {
                result = &mut work => {
                    self.sample_memory();
                    return result;
                }
                () = sleep(SAMPLE_INTERVAL) => {}
            }
        }
    }

    /// Records the memory of all processes.
    fn sample_memory(&mut self) {
        let now = now_ms();
        for (process, usage) in self.usages() {
            self.timeline.record(process, now, usage);
        }
    }

    /// The CPU time of each process so far, including that of its exited children.
    pub(super) fn cpu_times(&self) -> CpuTimes {
        self.usages().into_iter().map(|(name, usage)| (name, usage.cpu_total())).collect()
    }

    fn usages(&self) -> Vec<(String, Usage)> {
        let Cluster { servers, provider, edges, workers, .. } = &self.inner;
        let workers = workers.iter().map(|(_, worker)| worker);
        let roles = edges.iter().chain(workers).chain([provider]).chain(&self.companions);
        let roles = roles.map(|role| (role.name(), role.pid().and_then(Usage::of)));
        let servers_by_pid = servers.brokers.servers.iter().chain([&servers.redis]);
        let servers_by_pid =
            servers_by_pid.map(|server| (server.name(), server.pid().and_then(Usage::of)));
        let postgres = servers.postgres.pid().and_then(Usage::of_process_tree);
        let all = roles.chain(servers_by_pid).chain([("postgres", postgres)]);
        all.filter_map(|(name, usage)| Some((name.to_owned(), usage?))).collect()
    }
}
