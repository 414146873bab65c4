//! Ctrl-C and SIGTERM, for the commands that start a cluster.

use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The exit code of a command that was interrupted, as a shell says of a program that Ctrl-C ended.
pub const INTERRUPTED: u8 = 130;

/// Whether somebody wants the program to end.
#[derive(Clone)]
pub struct Interrupt(CancellationToken);

impl Interrupt {
    /// From now on SIGINT and SIGTERM do not end the process but are told here.
    pub fn listen() -> Result<Self> {
        let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
        let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
        let told = CancellationToken::new();
        let tell = told.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            tell.cancel();
        });
        Ok(Self(told))
    }

    /// Waits for it.
    pub async fn wait(&self) {
        self.0.cancelled().await;
    }

    /// What it is told by.
    pub fn token(&self) -> CancellationToken {
        self.0.clone()
    }

    /// Does `work`, or gives it up when the interrupt comes first: then `None`.
    pub async fn or<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.0.run_until_cancelled(work).await
    }
}
