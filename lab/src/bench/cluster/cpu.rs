//! The CPU time that an order costs, from its post until it is complete.

use anyhow::Result;

use super::super::load_run::{CpuPerOrder, used};
use super::BenchCluster;

impl BenchCluster {
    /// Does `work`, which posts orders, waits until all are complete and returns how many there were.
    /// Returns what each process used for one of them.
    pub(in super::super) async fn cpu_per_order(
        &mut self,
        work: impl AsyncFnOnce(&mut Self) -> Result<u64>,
    ) -> Result<CpuPerOrder> {
        let before = self.cpu_times();
        let orders = work(self).await?;
        Ok(CpuPerOrder::of(&used(&before, &self.cpu_times()), orders))
    }
}
