//! The architecture that Millrace replaces: one HTTP service that validates an order, reserves its
//! stock, calls the payment provider, stores the result, and only then responds. It is optimised as
//! far as such a service allows: asynchronous, with pooled connections, prepared and pipelined
//! statements, indexed look-ups, and one call to the provider. Benchmarks compare it with a
//! cluster; it has its own tables.

mod charge;
mod service;
mod store;

use std::net::SocketAddr;

use anyhow::{Context, Result};
use clap::Args;
use tokio::net::TcpListener;

use charge::ProviderClient;
use millrace::runtime;
use millrace::shutdown::Shutdown;
use service::SyncService;
use store::Store;

/// The arguments of `millrace-lab synchronous`.
#[derive(Debug, Clone, Args)]
pub struct SynchronousArgs {
    /// Address to listen on
    #[arg(long, env = "MILLRACE_LISTEN", default_value = "127.0.0.1:8060")]
    pub listen: SocketAddr,
    /// PostgreSQL: postgres://USER:PASSWORD@HOST:PORT/DATABASE
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: String,
    /// The payment provider's base URL
    #[arg(long, env = "MILLRACE_PROVIDER_URL", hide_env_values = true)]
    pub provider_url: String,
}

/// Serves until SIGTERM or SIGINT.
pub fn run(args: &SynchronousArgs) -> Result<()> {
    runtime()?.block_on(async {
        let shutdown = Shutdown::listen()?;
        let store = Store::open(&args.database_url).await?;
        let service = SyncService { store, provider: ProviderClient::new(&args.provider_url) };
        let listener = TcpListener::bind(args.listen)
            .await
            .with_context(|| format!("cannot listen on {}", args.listen))?;
        tokio::select! {
            never = service::serve(listener, service) => match never {},
            () = shutdown.wait() => Ok(()),
        }
    })
}
