//! `millrace edge`.

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Args;
use orders::Secrets;
use streams::Profile;

use super::{prepare, runtime};
use crate::interrupt::Interrupt;

/// A secret that can be guessed proves nothing.
const SECRET_LENGTH_MIN: usize = 16;

/// One edge.
#[derive(Debug, Clone, Args)]
pub struct EdgeArgs {
    /// Where to listen
    #[arg(long, env = "MILLRACE_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Threads that serve, each with a connection to the brokers
    #[arg(long, env = "MILLRACE_CORES", default_value = "1")]
    pub cores: NonZeroUsize,
    /// The brokers, separated by commas
    #[arg(long, env = "NATS_URL")]
    pub nats_url: String,
    /// Redis: redis://HOST:PORT
    #[arg(long, env = "REDIS_URL")]
    pub redis_url: String,
    /// What order ids are proven with, the same for all edges: the first makes new proofs, all
    /// verify; separated by commas, 16 characters or more each
    #[arg(
        long,
        env = "MILLRACE_SECRETS",
        hide_env_values = true,
        value_delimiter = ',',
        required = true
    )]
    pub secrets: Vec<String>,
    /// The durability that a 202 promises: durable, fast or single
    #[arg(long, env = "MILLRACE_PROFILE", default_value_t = Profile::Durable)]
    pub profile: Profile,
    /// How many seconds the oldest order may wait for inventory until no more are taken in
    #[arg(long, env = "MILLRACE_BACKLOG_SECONDS", default_value = "600")]
    pub backlog_seconds: NonZeroU32,
    /// Orders in one message, 1 to 256; 1 gives a message for each order
    #[arg(long, env = "MILLRACE_MAX_BATCH", default_value = "256")]
    pub max_batch: NonZeroUsize,
}

/// Serves until SIGTERM or SIGINT, then until every request in hand is answered.
pub fn run(args: EdgeArgs) -> Result<()> {
    let long_enough = args.secrets.iter().all(|secret| secret.len() >= SECRET_LENGTH_MIN);
    ensure!(long_enough, "--secrets: each has at least {SECRET_LENGTH_MIN} characters");
    runtime()?.block_on(async {
        let shutdown = Interrupt::listen()?;
        let prepared = prepare::brokers(&args.nats_url, args.profile);
        let Some(_) = shutdown.or(prepared).await.transpose()? else { return Ok(()) };
        let config = edge::Config {
            listen: args.listen,
            cores: args.cores,
            nats_url: args.nats_url,
            redis_url: args.redis_url,
            secrets: Secrets::new(&args.secrets[0], args.secrets[1..].iter().map(String::as_str)),
            profile: args.profile,
            backlog_max: Duration::from_secs(args.backlog_seconds.get().into()),
            max_batch: args.max_batch,
        };
        Ok(edge::run(config, |_| {}, shutdown.wait()).await?)
    })
}
