//! What is done to the processes of a measured cluster, and what is started beside it.

use anyhow::Result;
use payment_simulator::control;
use streams::Pool;

use super::Stand;
use crate::up::{Companion, RoleProcess};

impl Stand {
    /// Where the bare HTTP server is; starts it the first time.
    pub(in super::super) async fn bare(&mut self) -> Result<String> {
        if self.beside.is_empty() {
            let bare =
                Companion { name: "bare", role: "bare", ready_path: "/", provider_url: None };
            self.beside.push(self.cluster.beside(&bare).await?);
        }
        Ok(self.beside[0].url().to_owned())
    }

    /// Tells the provider how to behave.
    pub(in super::super) async fn provider(&self, form: &str) -> Result<()> {
        control(self.cluster.provider.url(), form).await
    }

    /// Ends every worker, in its own way.
    pub(in super::super) async fn stop_workers(&mut self) -> Result<()> {
        for (_, worker) in &mut self.cluster.workers {
            worker.stop().await?;
        }
        Ok(())
    }

    /// Starts every worker again.
    pub(in super::super) async fn start_workers(&mut self) -> Result<()> {
        for (_, worker) in &mut self.cluster.workers {
            worker.start().await?;
        }
        Ok(())
    }

    /// Lets `count` workers of a pool run.
    pub(in super::super) async fn keep(&mut self, pool: Pool, count: usize) -> Result<()> {
        let of_pool = |(its_pool, _): &&mut (Pool, RoleProcess)| *its_pool == pool;
        let mut running = 0;
        for (_, worker) in self.cluster.workers.iter_mut().filter(of_pool) {
            running += 1;
            if running > count {
                worker.stop().await?;
            } else if worker.pid().is_none() {
                worker.start().await?;
            }
        }
        for _ in running..count {
            self.cluster.add_worker(pool).await?;
        }
        Ok(())
    }

    /// Starts every edge and every worker anew, with a variable that has another value.
    pub(in super::super) async fn restart_with(
        &mut self,
        variable: &str,
        value: &str,
    ) -> Result<()> {
        let workers = self.cluster.workers.iter_mut().map(|(_, worker)| worker);
        for member in self.cluster.edges.iter_mut().chain(workers) {
            member.stop().await?;
            member.set(variable, value);
            member.start().await?;
        }
        Ok(())
    }
}
