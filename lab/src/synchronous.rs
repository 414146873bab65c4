//! What Millrace replaces: one HTTP service that checks an order, reserves its stock, calls the payment
//! provider, writes what came of it, and only then answers. As good as such a service gets: everything
//! asynchronous, connections pooled, statements prepared and sent together, rows found by index, one
//! call to the provider. It is here to be measured beside a cluster, in tables of its own.

mod charge;
mod service;
mod store;

use std::net::SocketAddr;

use anyhow::{Context, Result};
use clap::Args;
use tokio::net::TcpListener;

use charge::Charging;
use millrace::runtime;
use millrace::shutdown::Shutdown;
use service::Shop;
use store::Store;

/// The service.
#[derive(Debug, Clone, Args)]
pub struct SynchronousArgs {
    /// Where to listen
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
        let shop = Shop { store, charging: Charging::new(&args.provider_url) };
        let listener = TcpListener::bind(args.listen)
            .await
            .with_context(|| format!("cannot listen on {}", args.listen))?;
        tokio::select! {
            never = service::serve(listener, shop) => match never {},
            () = shutdown.wait() => Ok(()),
        }
    })
}
