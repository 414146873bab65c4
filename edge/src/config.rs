//! The configuration of an edge.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use clap::Args;
use orders::SigningKeys;
use streams::{BatchConfig, BrokersConfig};

use crate::cors_origins::CorsOrigins;
use crate::identity::IdentityConfig;
use crate::limits::{BACKLOG_MAX_AGE, DRAIN_DELAY_MAX};
use crate::quota::QuotaConfig;
use crate::redis_config::RedisConfig;
use crate::tls::TlsConfig;
use crate::webhook_secrets::WebhookSecrets;

/// The default address to listen on.
pub const LISTEN_DEFAULT: &str = "127.0.0.1:8080";

/// The configuration of an edge. Numbers that operators need not choose are limits of this crate.
#[derive(Debug, Clone, Args)]
pub struct Config {
    /// Address to listen on; port 0 takes any free port
    #[arg(long, env = "MILLRACE_LISTEN", value_name = "ADDRESS", default_value = LISTEN_DEFAULT)]
    pub listen: SocketAddr,
    /// Threads that serve, each with its own connection to the brokers
    #[arg(long, env = "MILLRACE_CORES", value_name = "N", default_value = "1")]
    pub cores: NonZeroUsize,
    /// How many requests callers may make.
    #[command(flatten)]
    pub quota: QuotaConfig,
    /// How to reach the brokers, and the durability to claim.
    #[command(flatten)]
    pub brokers: BrokersConfig,
    /// How many orders one message may hold.
    #[command(flatten)]
    pub batch: BatchConfig,
    /// How to reach Redis.
    #[command(flatten)]
    pub redis: RedisConfig,
    /// How callers are authenticated.
    #[command(flatten)]
    pub identity: IdentityConfig,
    /// Whether connections have TLS, and by which certificate.
    #[command(flatten)]
    pub tls: TlsConfig,
    /// Secrets that sign order ids, the same for all edges, separated by commas, each of 16
    /// characters or more: the first signs, all verify
    #[arg(long, env = "MILLRACE_SECRETS", hide_env_values = true)]
    pub secrets: SigningKeys,
    /// Secrets with which the payment provider signs its webhooks, separated by commas, each of 16
    /// characters or more; without one, webhooks are not received
    #[arg(long, env = "MILLRACE_WEBHOOK_SECRETS", hide_env_values = true)]
    pub webhook_secrets: Option<WebhookSecrets>,
    /// Web origins whose pages may use the API, separated by commas, each as browsers send it, such as
    /// `https://shop.example`; without one, browsers let no page use it
    #[arg(long, env = "MILLRACE_CORS_ORIGINS", value_name = "ORIGINS")]
    pub cors_origins: Option<CorsOrigins>,
    /// How long the oldest order may wait for inventory before new orders are refused
    #[arg(
        long,
        env = "MILLRACE_BACKLOG_MAX_AGE",
        value_name = "DURATION",
        default_value = BACKLOG_MAX_AGE,
        value_parser = streams::parse_duration
    )]
    pub backlog_max_age: Duration,
    /// How long /readyz already fails while requests are still accepted, once the edge is asked to end:
    /// as long as a balancer takes to stop sending, such as 5s; 1m at most [default: none]
    #[arg(
        long,
        env = "MILLRACE_DRAIN_DELAY",
        value_name = "DURATION",
        value_parser = drain_delay
    )]
    pub drain_delay: Option<Duration>,
}

/// Validates a delay: an orchestrator does not wait longer for the end of a process.
fn drain_delay(text: &str) -> Result<Duration, String> {
    let delay = streams::parse_duration(text).map_err(|err| err.to_string())?;
    if delay <= DRAIN_DELAY_MAX { Ok(delay) } else { Err("give 1m at most".to_owned()) }
}
