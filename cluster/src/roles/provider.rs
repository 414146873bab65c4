//! `millrace provider`: a payment provider for tests and demonstrations.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use clap::Args;
use tokio::net::TcpListener;

use super::runtime;
use crate::interrupt::Interrupt;
use crate::provider::{self, Behaviour};

/// The payment provider that takes no real money.
#[derive(Debug, Clone, Args)]
pub struct ProviderArgs {
    /// Where to listen
    #[arg(long, env = "MILLRACE_LISTEN", default_value = "127.0.0.1:8090")]
    pub listen: SocketAddr,
}

/// Serves until SIGTERM or SIGINT.
pub fn run(args: &ProviderArgs) -> Result<()> {
    runtime()?.block_on(async {
        let shutdown = Interrupt::listen()?;
        let listener = TcpListener::bind(args.listen)
            .await
            .with_context(|| format!("cannot listen on {}", args.listen))?;
        tracing::info!(address = %listener.local_addr()?, "the payment provider listens");
        Ok(provider::run(listener, Behaviour::default(), shutdown.wait()).await?)
    })
}
