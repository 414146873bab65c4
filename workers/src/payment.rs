//! Payment: charges an order once, and refunds it.
//!
//! The provider is called between short transactions, never within one. An intent is created
//! unconfirmed, and its id is committed before it is confirmed. Only the committed intent is ever
//! confirmed, and an intent succeeds once. So money moves once, whatever is repeated or
//! interrupted.

pub(crate) mod breaker;
mod charge;
pub(crate) mod guarded_provider;
pub mod held_funds;
mod payment_row;
pub mod provider;
mod refund;

use std::time::Duration;

use clap::Args;
use futures_util::StreamExt;
use futures_util::stream;

use orders::OrderId;
use streams::DeliveryHistory;

use crate::database::Database;
use crate::step_input::{StepError, StepInput, StepOutcome};
pub use breaker::BreakerLimits;
use guarded_provider::GuardedProvider;
use provider::Limits;

mod embedded {
    refinery::embed_migrations!("src/payment/migrations");
}

/// The migrations of payment's tables.
pub(crate) fn migrations() -> refinery::Runner {
    embedded::migrations::runner()
}

/// The provider's name in logs and errors.
const PROVIDER: &str = "the payment provider";
/// Maximum number of calls to the provider that one set keeps in flight.
const CONCURRENT_CALLS_MAX: usize = 64;

/// The configuration of the payment provider and its circuit breaker.
#[derive(Clone, Args)]
pub struct Config {
    /// Base URL of the payment provider, by http or https, without a path
    #[arg(
        long,
        env = "MILLRACE_PROVIDER_URL",
        hide_env_values = true,
        value_parser = provider::base_url
    )]
    pub provider_url: String,
    /// The payment provider's secret key
    #[arg(
        long,
        env = "MILLRACE_PROVIDER_KEY",
        hide_env_values = true,
        value_parser = provider::secret_key
    )]
    pub provider_key: String,
    /// The limits of the calls.
    #[command(flatten)]
    pub limits: Limits,
    /// When the circuit breaker opens.
    #[command(flatten)]
    pub breaker: BreakerLimits,
}

/// The payment stage: the database that stores the rows, and the provider that moves the money.
pub(crate) struct PaymentStage {
    pub(crate) database: Database,
    pub(crate) provider: GuardedProvider,
    /// How long a reservation waits for its payment.
    pub(crate) payment_timeout: Duration,
}

impl PaymentStage {
    /// Charges each order, or finds the earlier result.
    pub(crate) async fn charge(&self, inputs: &[StepInput]) -> Result<Vec<StepOutcome>, StepError> {
        charge::charge(self, inputs).await
    }

    /// Ensures that no money is held for any of the orders.
    pub(crate) async fn refund(&self, inputs: &[StepInput]) -> Result<Vec<StepOutcome>, StepError> {
        refund::refund(self, inputs).await
    }

    /// Checks that the provider can be called.
    pub(crate) async fn probe(&self) -> Result<(), StepError> {
        self.provider.probe().await.map_err(|failure| provider_unavailable(failure.into_error()))
    }
}

/// Why a call to the provider failed, with the error.
pub(crate) enum CallFailure {
    /// The call may succeed later.
    Retryable(String),
    /// The call will never succeed.
    Permanent(String),
    /// The provider is unavailable, so the call had no effect. No attempt is counted.
    ProviderUnavailable(String),
}

impl CallFailure {
    fn into_error(self) -> String {
        match self {
            Self::Retryable(error) | Self::Permanent(error) | Self::ProviderUnavailable(error) => {
                error
            }
        }
    }
}

/// The idempotency key of one call. The provider stores a failure under its key, so each attempt
/// has its own key, and so has each message that holds the same order again. That money moves once
/// rests on the single intent, not on the key.
fn call_key(order: OrderId, call: &str, history: &DeliveryHistory) -> String {
    format!("{order}-{call}-{}-{}", history.origin.sequence, history.attempt())
}

/// Makes one call for each of `items`, up to [`CONCURRENT_CALLS_MAX`] at a time. Results are in the
/// order of `items`.
async fn call_concurrently<Item, Output>(
    items: impl IntoIterator<Item = Item>,
    call: impl AsyncFn(Item) -> Result<Output, CallFailure>,
) -> Vec<Result<Output, CallFailure>> {
    // The futures are large and `buffered` moves each of them a few times: a box avoids the copies.
    let calls = items.into_iter().map(|item| Box::pin(call(item)));
    stream::iter(calls).buffered(CONCURRENT_CALLS_MAX).collect().await
}

fn provider_unavailable(error: String) -> StepError {
    StepError::DependencyUnavailable { dependency: PROVIDER, source: error.into() }
}

impl From<CallFailure> for StepOutcome {
    fn from(failure: CallFailure) -> Self {
        match failure {
            CallFailure::Retryable(error) => Self::Retry(error),
            CallFailure::Permanent(error) => Self::Reject(error),
            CallFailure::ProviderUnavailable(error) => Self::Postpone(error),
        }
    }
}
