//! How long an order waits for its payment.

use std::time::Duration;

use clap::Args;

use crate::limits::PAYMENT_TIMEOUT;

/// How long an order waits for its payment; the same for every worker.
#[derive(Clone, Copy, Args)]
pub(crate) struct PaymentTimeout {
    /// How long a reservation waits for its payment before its order is cancelled; the same for
    /// every worker of inventory and payment
    #[arg(
        long,
        env = "MILLRACE_PAYMENT_TIMEOUT",
        value_name = "DURATION",
        default_value = PAYMENT_TIMEOUT,
        value_parser = streams::parse_duration
    )]
    pub(crate) payment_timeout: Duration,
}
