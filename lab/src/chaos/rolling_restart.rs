//! Planned restarts, as of an upgrade: one edge and one worker of every pool, one after the other.
//!
//! With an earlier version each restart changes the version: after the first one half of the
//! processes are earlier ones, after the second all, then half again, then none.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;

use anyhow::{Result, ensure};
use streams::Pool;

use super::PlannedRestarts;
use super::restart::restart;
use crate::up::RoleProcess;

/// The restarts of one run.
pub(super) struct RollingRestart {
    previous_binary: Option<PathBuf>,
    /// The binary of this version, by the name of each process that runs the earlier one.
    replaced: BTreeMap<String, PathBuf>,
    /// How many rolling restarts there were.
    count: usize,
    restarts: PlannedRestarts,
}

impl RollingRestart {
    pub(super) fn new(previous_binary: Option<PathBuf>) -> Self {
        let (replaced, restarts) = (BTreeMap::new(), PlannedRestarts::default());
        Self { previous_binary, replaced, count: 0, restarts }
    }

    /// How many processes were restarted.
    pub(super) fn restarts(&self) -> PlannedRestarts {
        self.restarts
    }

    /// Restarts the first edge and the first worker of every pool, at the next call the second ones,
    /// and so on.
    pub(super) async fn restart_next(
        &mut self,
        edges: &mut [RoleProcess],
        workers: &mut [(Pool, RoleProcess)],
    ) -> Result<()> {
        let mut groups: BTreeMap<&str, Vec<&mut RoleProcess>> = BTreeMap::new();
        groups.insert("edge", edges.iter_mut().collect());
        for (pool, worker) in workers {
            groups.entry(pool.as_str()).or_default().push(worker);
        }
        for mut processes in groups.into_values().filter(|processes| !processes.is_empty()) {
            let next = self.count % processes.len();
            self.replace(processes.swap_remove(next)).await?;
        }
        self.count += 1;
        Ok(())
    }

    async fn replace(&mut self, process: &mut RoleProcess) -> Result<()> {
        let name = process.name().to_owned();
        // A signal means that it did not drain in time and was killed.
        let status = process.stop().await?;
        let signal = status.and_then(|status| status.signal());
        ensure!(signal.is_none(), "{name} did not stop by SIGTERM: {status:?}");
        if let Some(program) = self.replaced.remove(&name) {
            process.set_program(&program);
        } else if let Some(previous) = &self.previous_binary {
            self.replaced.insert(name, process.program().to_path_buf());
            process.set_program(previous);
        }
        if self.previous_binary.as_deref() == Some(process.program()) {
            self.restarts.previous += 1;
        } else {
            self.restarts.current += 1;
        }
        restart(process).await
    }
}
