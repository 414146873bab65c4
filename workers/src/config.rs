//! What a worker is told: one structure for what every pool needs, and one for each pool.

use std::time::Duration;

use clap::{Args, Subcommand};
use streams::{BatchConfig, BrokersConfig, Pool};

use crate::database::DatabaseConfig;
use crate::{fulfilment, payment};

/// The pool of a worker, with what that pool needs.
#[derive(Clone, Subcommand)]
pub enum Config {
    /// Reserve stock and release it
    Inventory {
        /// What every worker needs.
        #[command(flatten)]
        worker: WorkerConfig,
        /// How long a reservation lasts.
        #[command(flatten)]
        payment: PaymentTimeout,
    },
    /// Charge buyers and refund them
    Payment {
        /// What every worker needs.
        #[command(flatten)]
        worker: WorkerConfig,
        /// How long a reservation lasts.
        #[command(flatten)]
        payment: PaymentTimeout,
        /// The payment provider, and when it is not called any more.
        #[command(flatten)]
        provider: payment::Config,
    },
    /// Book shipments, or withdraw orders
    Fulfilment {
        /// What every worker needs.
        #[command(flatten)]
        worker: WorkerConfig,
        /// What cannot be shipped.
        #[command(flatten)]
        fulfilment: fulfilment::Config,
    },
}

/// What every worker needs.
#[derive(Clone, Args)]
pub struct WorkerConfig {
    /// The brokers.
    #[command(flatten)]
    pub brokers: BrokersConfig,
    /// How many outcomes one message holds.
    #[command(flatten)]
    pub batch: BatchConfig,
    /// The database.
    #[command(flatten)]
    pub database: DatabaseConfig,
}

/// How long an order may wait for its payment; the same for every worker.
#[derive(Clone, Copy, Args)]
pub struct PaymentTimeout {
    /// How long a reservation waits for its payment before its order is cancelled; the same for
    /// every worker of inventory and payment
    #[arg(
        long,
        env = "MILLRACE_PAYMENT_TIMEOUT",
        value_name = "DURATION",
        default_value = "15m",
        value_parser = streams::duration
    )]
    pub payment_timeout: Duration,
}

impl Config {
    /// Whose work the worker does.
    pub const fn pool(&self) -> Pool {
        match self {
            Self::Inventory { .. } => Pool::Inventory,
            Self::Payment { .. } => Pool::Payment,
            Self::Fulfilment { .. } => Pool::Fulfilment,
        }
    }

    /// What every worker needs.
    pub const fn worker(&self) -> &WorkerConfig {
        match self {
            Self::Inventory { worker, .. }
            | Self::Payment { worker, .. }
            | Self::Fulfilment { worker, .. } => worker,
        }
    }
}
