//! `millrace worker POOL`.

use std::num::NonZeroUsize;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use streams::{Pool, Profile};
use workers::payment::BreakerLimits;
use workers::payment::provider::Limits;

use super::{prepare, runtime};
use crate::duration;
use crate::endpoints::PROVIDER_KEY;
use crate::interrupt::Interrupt;

/// One worker of a pool.
#[derive(Debug, Clone, Args)]
pub struct WorkerArgs {
    /// inventory, payment or fulfilment
    pub pool: Pool,
    /// The brokers, separated by commas
    #[arg(long, env = "NATS_URL")]
    pub nats_url: String,
    /// PostgreSQL: postgres://USER:PASSWORD@HOST:PORT/DATABASE
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: String,
    /// The payment provider's base URL
    #[arg(long, env = "PROVIDER_URL")]
    pub provider_url: String,
    /// The payment provider's secret key
    #[arg(long, env = "PROVIDER_KEY", hide_env_values = true, default_value = PROVIDER_KEY)]
    pub provider_key: String,
    /// How long one call to the payment provider may last
    #[arg(long, env = "PROVIDER_TIMEOUT", default_value = "1s", value_parser = duration::parse)]
    pub provider_timeout: Duration,
    /// So many failures, in a row or within a time, open the payment provider's circuit breaker
    #[arg(long, env = "BREAKER_FAILURES", default_value = "5")]
    pub breaker_failures: NonZeroUsize,
    /// Within which time failures open the circuit breaker
    #[arg(long, env = "BREAKER_WITHIN", default_value = "1s", value_parser = duration::parse)]
    pub breaker_within: Duration,
    /// How long an open circuit breaker waits until the provider is asked again
    #[arg(long, env = "BREAKER_WAIT", default_value = "1s", value_parser = duration::parse)]
    pub breaker_wait: Duration,
    /// How many brokers hold each stream: durable, fast or single
    #[arg(long, env = "MILLRACE_PROFILE", default_value_t = Profile::Durable)]
    pub profile: Profile,
    /// Outcomes in one message, 1 to 256; 1 gives a message for each order
    #[arg(long, env = "MILLRACE_MAX_BATCH", default_value = "256")]
    pub max_batch: NonZeroUsize,
    /// Seconds that a reservation waits for its payment before its order is cancelled; the same for
    /// every worker
    #[arg(
        long,
        env = "MILLRACE_PAYMENT_LIMIT",
        value_name = "SECONDS",
        default_value = "900",
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub payment_limit: u32,
    /// Orders with a SKU that begins so cannot be shipped: fulfilment withdraws them
    #[arg(long, env = "MILLRACE_UNSHIPPABLE", value_name = "PREFIX")]
    pub unshippable: Option<String>,
}

/// Works until SIGTERM or SIGINT.
pub fn run(args: WorkerArgs) -> Result<()> {
    runtime()?.block_on(async {
        let shutdown = Interrupt::listen()?;
        let prepared = async {
            prepare::brokers(&args.nats_url, args.profile).await?;
            prepare::database(&args.database_url).await
        };
        let Some(_) = shutdown.or(prepared).await.transpose()? else { return Ok(()) };
        let config = workers::Config {
            pool: args.pool,
            nats_url: args.nats_url,
            database_url: args.database_url,
            provider_url: args.provider_url,
            provider_key: args.provider_key,
            provider_limits: Limits { per_try: args.provider_timeout, ..Limits::default() },
            breaker_limits: BreakerLimits {
                failures: args.breaker_failures.get(),
                within: args.breaker_within,
                wait: args.breaker_wait,
            },
            max_batch: args.max_batch,
            payment_limit: Duration::from_secs(args.payment_limit.into()),
            // A variable that is set to nothing says nothing.
            unshippable: args.unshippable.filter(|prefix| !prefix.is_empty()),
        };
        Ok(workers::run(config, shutdown.token()).await?)
    })
}
