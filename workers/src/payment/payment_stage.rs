//! The state of payment in a running worker.

use std::time::Duration;

use super::guarded_provider::{GuardedProvider, provider_unavailable};
use crate::database::Database;
use crate::step_input::StepError;

/// The database that stores the rows, and the provider that moves the money.
pub(crate) struct PaymentStage {
    pub(super) database: Database,
    pub(super) provider: GuardedProvider,
    /// How long a reservation waits for its payment.
    pub(super) payment_timeout: Duration,
    /// How often the provider is asked about a payment that waits for the buyer.
    pub(super) poll_interval: Duration,
}

impl PaymentStage {
    /// Checks that the provider can be called.
    pub(super) async fn probe_provider(&self) -> Result<(), StepError> {
        self.provider.probe().await.map_err(provider_unavailable)
    }
}
