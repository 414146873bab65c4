//! The simulator process: command-line options, startup and shutdown.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use clap::Args;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::fault_config::FaultConfig;
use super::server::run_with_webhooks;
use super::webhook_config::{WebhookConfig, WebhookUrl};
use super::webhook_signature::WebhookSecret;

/// Options of the payment simulator.
#[derive(Debug, Clone, Args)]
pub struct SimulatorArgs {
    /// Address to listen on
    #[arg(long, env = "MILLRACE_LISTEN", default_value = "127.0.0.1:8090")]
    pub listen: SocketAddr,
    /// Where the payment simulator sends webhooks, an http:// URL; none without it
    #[arg(long, env = "MILLRACE_SIMULATOR_WEBHOOK_URL", requires = "webhook_secret")]
    pub webhook_url: Option<WebhookUrl>,
    /// Secret that signs the payment simulator's webhooks
    #[arg(
        long,
        env = "MILLRACE_SIMULATOR_WEBHOOK_SECRET",
        hide_env_values = true,
        requires = "webhook_url"
    )]
    pub webhook_secret: Option<WebhookSecret>,
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
            let faults = FaultConfig::default();
            Ok(run_with_webhooks(listener, faults, self.webhooks(), shutdown).await?)
        })
    }

    fn webhooks(&self) -> WebhookConfig {
        match (&self.webhook_url, &self.webhook_secret) {
            (Some(url), Some(secret)) => WebhookConfig::new(url.clone(), secret.clone()),
            _ => WebhookConfig::default(),
        }
    }
}
