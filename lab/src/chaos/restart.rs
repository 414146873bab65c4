//! Starts an edge or a worker again, as an orchestrator would do.

use std::time::Duration;

use anyhow::Result;
use tokio::time::{Instant, sleep};

use crate::up::RoleProcess;

/// How long restarts of a role may fail: a role that cannot reach the brokers exits, and is
/// restarted until they are back.
const RESTART_TIMEOUT: Duration = Duration::from_mins(2);
const RETRY_DELAY: Duration = Duration::from_millis(250);

/// Starts a process, several times until it is ready.
pub(super) async fn restart(process: &mut RoleProcess) -> Result<()> {
    let deadline = Instant::now() + RESTART_TIMEOUT;
    loop {
        match process.start().await {
            Ok(()) => return Ok(()),
            Err(err) if Instant::now() > deadline => return Err(err),
            Err(_) => sleep(RETRY_DELAY).await,
        }
    }
}
