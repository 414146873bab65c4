//! The configuration of a worker: one structure for every pool, and one for each pool.

use std::time::Duration;

use clap::{Args, Subcommand};
use streams::{BatchConfig, BrokersConfig, Pool};

use crate::database::DatabaseConfig;
use crate::{fulfilment, payment};

/// The pool of a worker, with the pool's configuration.
#[derive(Clone, Subcommand)]
pub enum Config {
    /// Reserve stock and release it
    Inventory {
        /// The configuration of every worker.
        #[command(flatten)]
        worker: WorkerConfig,
        /// How long a reservation is held without a payment.
        #[command(flatten)]
        payment: PaymentTimeout,
    },
    /// Charge buyers and refund them
    Payment {
        /// The configuration of every worker.
        #[command(flatten)]
        worker: WorkerConfig,
        /// How long a reservation is held without a payment.
        #[command(flatten)]
        payment: PaymentTimeout,
        /// The payment provider, and its circuit breaker.
        #[command(flatten)]
        provider: payment::Config,
    },
    /// Book shipments, or withdraw orders
    Fulfilment {
        /// The configuration of every worker.
        #[command(flatten)]
        worker: WorkerConfig,
        /// Which SKUs cannot be shipped.
        #[command(flatten)]
        fulfilment: fulfilment::Config,
    },
}

/// The configuration of every worker.
#[derive(Clone, Args)]
pub struct WorkerConfig {
    /// The brokers.
    #[command(flatten)]
    pub brokers: BrokersConfig,
    /// The maximum size of a batch of outcomes.
    #[command(flatten)]
    pub batch: BatchConfig,
    /// The database.
    #[command(flatten)]
    pub database: DatabaseConfig,
}

/// How long an order waits for its payment; the same for every worker.
#[derive(Clone, Copy, Args)]
pub struct PaymentTimeout {
    /// How long a reservation waits for its payment before its order is cancelled; the same for
    /// every worker of inventory and payment
    #[arg(
        long,
        env = "MILLRACE_PAYMENT_TIMEOUT",
        value_name = "DURATION",
        default_value = "15m",
        value_parser = streams::parse_duration
    )]
    pub payment_timeout: Duration,
}

impl Config {
    /// The pool that the worker belongs to.
    pub const fn pool(&self) -> Pool {
        match self {
            Self::Inventory { .. } => Pool::Inventory,
            Self::Payment { .. } => Pool::Payment,
            Self::Fulfilment { .. } => Pool::Fulfilment,
        }
    }

    /// The configuration that every worker has.
    pub const fn worker(&self) -> &WorkerConfig {
        match self {
            Self::Inventory { worker, .. }
            | Self::Payment { worker, .. }
            | Self::Fulfilment { worker, .. } => worker,
        }
    }
}
