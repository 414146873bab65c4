//! The simulator process: command-line options, startup and shutdown.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use clap::Args;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::{FaultConfig, run};

/// Options of the payment simulator.
#[derive(Debug, Clone, Args)]
pub struct SimulatorArgs {
    /// Address to listen on
    #[arg(long, env = "MILLRACE_LISTEN", default_value = "127.0.0.1:8090")]
    pub listen: SocketAddr,
}

impl SimulatorArgs {
    /// Serves until SIGTERM or SIGINT.
    pub fn serve(&self) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let mut terminate = signal(SignalKind::terminate())?;
            let mut interrupt = signal(SignalKind::interrupt())?;
            let shutdown = async move {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
            };
            let listener = TcpListener::bind(self.listen)
                .await
                .with_context(|| format!("cannot listen on {}", self.listen))?;
            tracing::info!(address = %listener.local_addr()?, "payment simulator listening");
            Ok(run(listener, FaultConfig::default(), shutdown).await?)
        })
    }
}
