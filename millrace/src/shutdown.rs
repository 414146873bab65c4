//! Graceful shutdown on SIGTERM and SIGINT: a role drains, a command cleans up.

use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The exit code of an interrupted command: 128 + SIGINT, the convention of shells.
pub const INTERRUPTED: u8 = 130;

/// A request to shut down this process.
#[derive(Clone)]
pub struct Shutdown(CancellationToken);

impl Shutdown {
    /// Installs handlers for SIGINT and SIGTERM, which from now on only request the shutdown.
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

    /// Waits until shutdown is requested.
    pub async fn wait(&self) {
        self.0.cancelled().await;
    }

    /// The token that is cancelled when shutdown is requested.
    pub fn token(&self) -> CancellationToken {
        self.0.clone()
    }

    /// Runs `work` to completion, or drops it and returns `None` if shutdown is requested first.
    pub async fn run_until_requested<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.0.run_until_cancelled(work).await
    }
}
