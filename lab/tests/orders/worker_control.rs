//! Stops and starts workers, so that a test decides which stage proceeds.

use lab::up::RoleProcess;
use orders::{OrderId, Status};
use streams::Pool;
use streams::failpoints::FAILPOINTS;
use uuid::Uuid;
use workers::fulfilment::withdraw;

use super::events::{cancel_requested, order_id, step_inputs};
use super::test_cluster::{TestCluster, wait_until};

impl TestCluster {
    /// Stops the worker of a pool that has one, gracefully.
    pub(crate) async fn stop_worker(&mut self, pool: Pool) {
        self.worker(pool).stop().await.unwrap();
    }

    /// Stops all workers gracefully.
    pub(crate) async fn stop_workers(&mut self) {
        for (_, worker) in &mut self.processes.workers {
            worker.stop().await.unwrap();
        }
    }

    /// Starts all workers again.
    pub(crate) async fn start_workers(&mut self) {
        for (_, worker) in &mut self.processes.workers {
            worker.start().await.unwrap();
        }
    }

    /// Starts the pool's worker again, without a failpoint.
    pub(crate) async fn start_worker(&mut self, pool: Pool) {
        self.restart_worker_with_failpoint(pool, "").await;
    }

    /// Stops the pool's worker gracefully and starts it to crash at `failpoint`.
    pub(crate) async fn restart_worker_with_failpoint(&mut self, pool: Pool, failpoint: &str) {
        let worker = self.worker(pool);
        worker.stop().await.unwrap();
        worker.set(FAILPOINTS, failpoint);
        worker.start().await.unwrap();
    }

    /// Waits until the pool's worker has crashed.
    pub(crate) async fn wait_for_worker_crash(&mut self, pool: Pool) {
        let worker = self.worker(pool);
        let name = worker.name().to_owned();
        wait_until(&format!("{name} has crashed"), async || worker.has_exited().unwrap()).await;
    }

    /// Decides in fulfilment's row that an order is withdrawn, whatever comes first for it. The row names
    /// no message that wrote it, so that every request to cancel the order is answered.
    pub(crate) async fn decide_withdrawal(&self, key: &str) {
        let database = &self.sources.database;
        withdraw(database, &step_inputs([&cancel_requested(key)])).await.unwrap();
        let connection = database.connection().await.unwrap();
        let update = "UPDATE fulfilment.shipments SET written_by = NULL WHERE order_id = $1";
        let row_id = Uuid::from_bytes(*order_id(key).as_bytes());
        assert_eq!(connection.execute(update, &[&row_id]).await.unwrap(), 1);
    }

    /// Waits until an order has this status.
    pub(crate) async fn wait_for_status(&self, id: OrderId, status: Status) {
        wait_until(&format!("order {id} is {status}"), async || {
            let view = self.views(&[id]).await.remove(0);
            view.is_some_and(|view| view.status == status)
        })
        .await;
    }

    pub(super) fn worker(&mut self, pool: Pool) -> &mut RoleProcess {
        let mut workers = self.processes.workers.iter_mut();
        &mut workers.find(|(worker_pool, _)| *worker_pool == pool).unwrap().1
    }
}
