//! The provider behind its circuit breaker.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use orders::Timestamp;
use streams::{Connection, subjects};

use super::breaker::{Breaker, Change, Permit};
use super::provider::{CallError, Provider};
use super::{CallFailure, PROVIDER};
use crate::step_input;

/// A provider that is not called while its circuit breaker is open.
pub(crate) struct GuardedProvider {
    provider: Provider,
    breaker: Arc<Mutex<Breaker>>,
    /// For the notification that payments are delayed.
    connection: Connection,
}

impl GuardedProvider {
    /// `provider` behind `breaker`; each opening is notified over `connection`.
    pub(crate) fn new(
        provider: Provider,
        breaker: Arc<Mutex<Breaker>>,
        connection: Connection,
    ) -> Self {
        Self { provider, breaker, connection }
    }

    /// Makes a call, unless the breaker is open.
    pub(super) async fn call<Output>(
        &self,
        call: impl AsyncFnOnce(&Provider) -> Result<Output, CallError>,
    ) -> Result<Output, CallFailure> {
        self.acquire_permit().await?;
        let result = call(&self.provider).await;
        let change = lock(&self.breaker).record_call(is_success(&result), Instant::now());
        self.report(change).await;
        result.map_err(CallFailure::from)
    }

    /// Checks that the provider responds.
    pub(super) async fn probe(&self) -> Result<(), CallFailure> {
        match self.call(async |provider| provider.list_intents(None).await).await {
            // Also a rejection shows that the provider is available.
            Ok(_) | Err(CallFailure::Permanent(_)) => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    /// Acquires permission for a call from the breaker, and makes the probe if one is due. The
    /// probe is read-only, so that no order is at risk.
    async fn acquire_permit(&self) -> Result<(), CallFailure> {
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
        Err(CallFailure::ProviderUnavailable(error))
    }

    /// Logs a change of the breaker, and notifies of payments that are delayed.
    async fn report(&self, change: Option<Change>) {
        match change {
            Some(Change::Opened) => {
                tracing::warn!(dependency = PROVIDER, "circuit breaker opened");
                let at = Timestamp::from(step_input::now()).as_millis();
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

impl From<CallError> for CallFailure {
    fn from(err: CallError) -> Self {
        match err {
            // The provider did nothing for this order, so this is not an attempt.
            CallError::Unavailable(_) | CallError::Denied { .. } => {
                Self::ProviderUnavailable(err.to_string())
            }
            CallError::Refused { .. } => Self::Permanent(err.to_string()),
            CallError::NoResponse(_) | CallError::Server { .. } | CallError::Busy { .. } => {
                Self::Retryable(err.to_string())
            }
        }
    }
}

/// Locks the breaker. Its state is valid also if a previous holder of the lock panicked.
pub(crate) fn lock(breaker: &Mutex<Breaker>) -> MutexGuard<'_, Breaker> {
    breaker.lock().unwrap_or_else(PoisonError::into_inner)
}
