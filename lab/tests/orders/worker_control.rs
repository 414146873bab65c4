//! Workers that a test sends home and calls back, to let the stages go on one at a time.

use lab::up::RoleProcess;
use orders::{OrderId, Status};
use streams::Pool;

use super::test_cluster::{Shop, until};

impl Shop {
    /// Ends the worker of a pool that has one, in an orderly way.
    pub(crate) async fn send_home(&mut self, pool: Pool) {
        self.worker(pool).stop().await.unwrap();
    }

    /// Starts it again.
    pub(crate) async fn call_back(&mut self, pool: Pool) {
        self.restart(pool, "").await;
    }

    /// Ends it in an orderly way and starts it to die where it is told to.
    pub(crate) async fn restart(&mut self, pool: Pool, crash_at: &str) {
        let worker = self.worker(pool);
        worker.stop().await.unwrap();
        worker.set("MILLRACE_CRASH_AT", crash_at);
        worker.start().await.unwrap();
    }

    /// Waits until it has died.
    pub(crate) async fn until_crashed(&mut self, pool: Pool) {
        let worker = self.worker(pool);
        let name = worker.name().to_owned();
        until(&format!("{name} has crashed"), async || worker.has_ended().unwrap()).await;
    }

    /// Waits until an order stands there.
    pub(crate) async fn until_stands(&self, id: OrderId, status: Status) {
        let stands = async || {
            let view = self.views(&[id]).await.remove(0);
            view.is_some_and(|view| view.status == status)
        };
        until(&format!("it is {status}"), stands).await;
    }

    fn worker(&mut self, pool: Pool) -> &mut RoleProcess {
        let mut workers = self.cluster.workers.iter_mut();
        &mut workers.find(|(its_pool, _)| *its_pool == pool).unwrap().1
    }
}
