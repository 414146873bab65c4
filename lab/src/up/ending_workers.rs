//! Workers that were asked to end, and process what they have pulled.

use std::collections::HashSet;

use tokio::task::JoinSet;

use super::role_process::RoleProcess;

/// The workers that are ending. Dropping it kills them.
#[derive(Default)]
pub(super) struct EndingWorkers {
    /// Each returns the name of its worker.
    tasks: JoinSet<String>,
    names: HashSet<String>,
}

impl EndingWorkers {
    /// Ends `worker`, which processes what it has pulled.
    pub(super) fn end(&mut self, mut worker: RoleProcess) {
        let name = worker.name().to_owned();
        self.names.insert(name.clone());
        self.tasks.spawn(async move {
            if let Err(err) = worker.stop().await {
                tracing::warn!(worker = name, error = %err, "worker not ended");
            }
            name
        });
    }

    /// Forgets those that have ended.
    pub(super) fn forget_ended(&mut self) {
        while let Some(Ok(name)) = self.tasks.try_join_next() {
            self.names.remove(&name);
        }
    }

    /// Whether a worker of this name is ending.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// Waits until all have ended.
    pub(super) async fn wait(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}
