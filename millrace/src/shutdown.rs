//! SIGTERM and SIGINT: a role drains, a command cleans up.

use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The exit code of a command that was interrupted: 128 + SIGINT, as shells have it.
pub const INTERRUPTED: u8 = 130;

/// Whether this process has been asked to end.
#[derive(Clone)]
pub struct Shutdown(CancellationToken);

impl Shutdown {
    /// From now on SIGINT and SIGTERM do not end the process; they are reported here.
    pub fn listen() -> Result<Self> {
        let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
        let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
        let token = CancellationToken::new();
        let requested = token.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            requested.cancel();
        });
        Ok(Self(token))
    }

    /// Waits until the process is asked to end.
    pub async fn wait(&self) {
        self.0.cancelled().await;
    }

    /// The token that is cancelled then.
    pub fn token(&self) -> CancellationToken {
        self.0.clone()
    }

    /// Does `work`, or abandons it when the process is asked to end first: then `None`.
    pub async fn or<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.0.run_until_cancelled(work).await
    }
}
