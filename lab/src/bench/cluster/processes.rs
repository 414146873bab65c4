//! Starts, stops and reconfigures the processes of a measured cluster, and starts companions.

use anyhow::Result;
use payment_simulator::set_faults;
use streams::Pool;

use super::BenchCluster;
use crate::up::{Companion, Role, RoleProcess};

impl BenchCluster {
    /// The URL of the bare HTTP server, which the first call starts.
    pub(in super::super) async fn http_baseline_url(&mut self) -> Result<String> {
        if self.companions.is_empty() {
            let bare = Companion {
                name: "bare",
                role: Role::HttpBaseline,
                ready_path: "/",
                provider_url: None,
            };
            self.companions.push(self.inner.start_companion(&bare).await?);
        }
        Ok(self.companions[0].url().to_owned())
    }

    /// Sets the faults and delays of the payment provider.
    pub(in super::super) async fn configure_provider(&self, form: &str) -> Result<()> {
        set_faults(self.inner.provider.url(), form).await
    }

    /// Stops every worker gracefully.
    pub(in super::super) async fn stop_workers(&mut self) -> Result<()> {
        for (_, worker) in &mut self.inner.workers {
            worker.stop().await?;
        }
        Ok(())
    }

    /// Starts every worker again.
    pub(in super::super) async fn start_workers(&mut self) -> Result<()> {
        for (_, worker) in &mut self.inner.workers {
            worker.start().await?;
        }
        Ok(())
    }

    /// Starts or stops workers of a pool until `count` of them run.
    pub(in super::super) async fn scale_workers(&mut self, pool: Pool, count: usize) -> Result<()> {
        let is_of_pool = |(other, _): &&mut (Pool, RoleProcess)| *other == pool;
        let mut running = 0;
        for (_, worker) in self.inner.workers.iter_mut().filter(is_of_pool) {
            running += 1;
            if running > count {
                worker.stop().await?;
            } else if worker.pid().is_none() {
                worker.start().await?;
            }
        }
        for _ in running..count {
            self.inner.add_worker(pool).await?;
        }
        Ok(())
    }

    /// Restarts every edge and every worker with another value of an environment variable.
    pub(in super::super) async fn restart_with(
        &mut self,
        variable: &str,
        value: &str,
    ) -> Result<()> {
        let workers = self.inner.workers.iter_mut().map(|(_, worker)| worker);
        for process in self.inner.edges.iter_mut().chain(workers) {
            process.stop().await?;
            process.set(variable, value);
            process.start().await?;
        }
        Ok(())
    }
}
