//! Payment: takes the money for an order once, and gives it back.
//!
//! The provider is called between short transactions, never within one. An intent is created
//! unconfirmed and its id committed before it is confirmed; only the committed one ever is, and an
//! intent succeeds once. So whatever is repeated or interrupted, money moves once.

pub(crate) mod breaker;
mod charge;
pub(crate) mod guarded;
pub mod held_funds;
pub mod provider;
mod refund;
mod row;

use std::time::Duration;

use clap::Args;
use futures_util::StreamExt;
use futures_util::stream;

use orders::OrderId;
use streams::DeliveryHistory;

use crate::database::Database;
use crate::task::{StepError, StepInput, StepOutcome};
pub use breaker::BreakerLimits;
use guarded::Guarded;
use provider::Limits;

mod embedded {
    refinery::embed_migrations!("src/payment/migrations");
}

/// How the tables of payment come to be.
pub(crate) fn migrations() -> refinery::Runner {
    embedded::migrations::runner()
}

/// Calls to the provider that one set keeps in flight.
const CALLS_MAX: usize = 64;

/// What payment is told about its provider.
#[derive(Clone, Args)]
pub struct Config {
    /// Base URL of the payment provider, by http or https, without a path
    #[arg(long, env = "MILLRACE_PROVIDER_URL", value_parser = provider::base_url)]
    pub provider_url: String,
    /// The payment provider's secret key
    #[arg(
        long,
        env = "MILLRACE_PROVIDER_KEY",
        hide_env_values = true,
        value_parser = provider::secret_key
    )]
    pub provider_key: String,
    /// The bounds of each call.
    #[command(flatten)]
    pub limits: Limits,
    /// When the provider is not called any more.
    #[command(flatten)]
    pub breaker: BreakerLimits,
}

/// The stage: the database that keeps the proofs, and the provider that moves the money.
pub(crate) struct Payments {
    pub(crate) database: Database,
    pub(crate) provider: Guarded,
    /// How long a reservation waits for its payment.
    pub(crate) payment_timeout: Duration,
}

impl Payments {
    /// Charges each order, or finds what became of it.
    pub(crate) async fn charge(&self, tasks: &[StepInput]) -> Result<Vec<StepOutcome>, StepError> {
        charge::charge(self, tasks).await
    }

    /// Makes sure that no money is held for each order.
    pub(crate) async fn refund(&self, tasks: &[StepInput]) -> Result<Vec<StepOutcome>, StepError> {
        refund::refund(self, tasks).await
    }

    /// Whether the provider can be called.
    pub(crate) async fn probe(&self) -> Result<(), StepError> {
        self.provider.probe().await.map_err(|failed| down(failed.into_error()))
    }
}

/// Why a call did not give what it was made for.
pub(crate) enum Failed {
    /// It may, later.
    Later(String),
    /// It never will.
    Never(String),
    /// It was not made: the provider is away. No try is counted.
    NotNow(String),
}

impl Failed {
    fn into_error(self) -> String {
        match self {
            Self::Later(error) | Self::Never(error) | Self::NotNow(error) => error,
        }
    }
}

/// A key for one call. The provider keeps a failure under its key, so each try has its own, and so
/// has each message that brings the order again; what makes sure that money moves once is the one
/// intent, not the key.
fn call_key(order: OrderId, call: &str, history: &DeliveryHistory) -> String {
    format!("{order}-{call}-{}-{}", history.origin.sequence, history.attempt())
}

/// Makes one call for each of `items`, many at a time. Answers are in the order of `items`.
async fn call_each<Item, Answer>(
    items: impl IntoIterator<Item = Item>,
    call: impl AsyncFn(Item) -> Result<Answer, Failed>,
) -> Vec<Result<Answer, Failed>> {
    // Each is moved a few times on its way through the stream, and large: boxed, it stays where it is.
    let calls = items.into_iter().map(|item| Box::pin(call(item)));
    stream::iter(calls).buffered(CALLS_MAX).collect().await
}

fn down(error: String) -> StepError {
    StepError::Down { dependency: "the payment provider", source: error.into() }
}

impl From<Failed> for StepOutcome {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Later(error) => Self::Retry(error),
            Failed::Never(error) => Self::Reject(error),
            Failed::NotNow(error) => Self::Postpone(error),
        }
    }
}
