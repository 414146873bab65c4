//! The provider behind its circuit breaker.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use orders::Timestamp;
use streams::{Connection, subjects};

use super::breaker::{Breaker, Change, Permit};
use super::provider::{CallError, Provider};
use crate::step_input::{StepError, StepOutcome, now};

/// The provider's name in logs and errors.
const PROVIDER: &str = "the payment provider";

/// A provider that is not called while its circuit breaker is open.
pub(super) struct GuardedProvider {
    provider: Provider,
    breaker: Arc<Mutex<Breaker>>,
    /// For the notification that payments are delayed.
    connection: Connection,
}

impl GuardedProvider {
    /// `provider` behind `breaker`; each opening is notified over `connection`.
    pub(super) fn new(
        provider: Provider,
        breaker: Arc<Mutex<Breaker>>,
        connection: Connection,
    ) -> Self {
        Self { provider, breaker, connection }
    }

    /// The circuit breaker.
    pub(super) fn breaker(&self) -> Arc<Mutex<Breaker>> {
        self.breaker.clone()
    }

    /// Makes a call, unless the breaker is open. An error is the outcome of the step for the order
    /// that the call is about.
    pub(super) async fn call<Output>(
        &self,
        call: impl AsyncFnOnce(&Provider) -> Result<Output, CallError>,
    ) -> Result<Output, StepOutcome> {
        self.acquire_permit().await?;
        let result = call(&self.provider).await;
        let change = lock(&self.breaker).record_call(is_success(&result), Instant::now());
        self.report(change).await;
        result.map_err(StepOutcome::from)
    }

    /// Checks that the provider responds; the error says why it does not.
    pub(super) async fn probe(&self) -> Result<(), String> {
        match self.call(async |provider| provider.list_intents(None).await).await {
            Err(StepOutcome::Retry(error) | StepOutcome::Postpone(error)) => Err(error),
            // Also a rejection shows that the provider is available.
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Acquires permission for a call from the breaker, and makes the probe if one is due. The
    /// probe is read-only, so that no order is at risk.
    async fn acquire_permit(&self) -> Result<(), StepOutcome> {
        let permit = lock(&self.breaker).acquire(Instant::now());
        match permit {
            Permit::Call => return Ok(()),
            Permit::Denied => {}
            Permit::Probe => {
                let has_recovered = is_success(&self.provider.list_intents(None).await);
                let change = lock(&self.breaker).record_probe(has_recovered, Instant::now());
                self.report(change).await;
                if has_recovered {
                    return Ok(());
                }
            }
        }
        let error = "the circuit breaker of the payment provider is open".to_owned();
        Err(StepOutcome::Postpone(error))
    }

    /// Logs a change of the breaker, and notifies of payments that are delayed.
    async fn report(&self, change: Option<Change>) {
        match change {
            Some(Change::Opened) => {
                tracing::warn!(dependency = PROVIDER, "circuit breaker opened");
                let at = Timestamp::from(now()).as_millis();
                let notification = format!(r#"{{"at_ms":{at}}}"#);
                self.connection.notify(subjects::PAYMENT_DELAYED, notification.into()).await;
            }
            Some(Change::Closed) => {
                tracing::info!(dependency = PROVIDER, "circuit breaker closed");
            }
            None => {}
        }
    }
}

/// Whether the provider works. A rejected request is a success of the provider.
const fn is_success<Output>(result: &Result<Output, CallError>) -> bool {
    matches!(result, Ok(_) | Err(CallError::Refused { .. } | CallError::Busy { .. }))
}

/// The error of a step for a whole set, when no call can be made.
pub(super) fn provider_unavailable(error: String) -> StepError {
    StepError::DependencyUnavailable { dependency: PROVIDER, source: error.into() }
}

impl From<CallError> for StepOutcome {
    fn from(err: CallError) -> Self {
        match err {
            // The provider did nothing for this order, so this is not an attempt.
            CallError::Unavailable(_) | CallError::Denied { .. } => Self::Postpone(err.to_string()),
            CallError::Refused { .. } => Self::reject(err.to_string()),
            CallError::NoResponse(_) | CallError::Server { .. } | CallError::Busy { .. } => {
                Self::Retry(err.to_string())
            }
        }
    }
}

/// Locks the breaker. Its state is valid also if a previous holder of the lock panicked.
pub(super) fn lock(breaker: &Mutex<Breaker>) -> MutexGuard<'_, Breaker> {
    breaker.lock().unwrap_or_else(PoisonError::into_inner)
}
