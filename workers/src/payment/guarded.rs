//! The provider behind its circuit breaker.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use orders::Timestamp;
use streams::{Connection, names};

use super::Failed;
use super::breaker::{Admission, Breaker, Change};
use super::provider::{CallError, Provider};
use crate::task;

/// A provider that is not called while it fails.
pub(crate) struct Guarded {
    provider: Provider,
    breaker: Arc<Mutex<Breaker>>,
    /// Where it is told that payments are delayed.
    connection: Connection,
}

impl Guarded {
    /// `provider` behind `breaker`; each opening is told over `connection`.
    pub(crate) fn new(
        provider: Provider,
        breaker: Arc<Mutex<Breaker>>,
        connection: Connection,
    ) -> Self {
        Self { provider, breaker, connection }
    }

    /// Makes a call, unless the breaker is open.
    pub(super) async fn call<Answer>(
        &self,
        call: impl AsyncFnOnce(&Provider) -> Result<Answer, CallError>,
    ) -> Result<Answer, Failed> {
        self.be_admitted().await?;
        let answer = call(&self.provider).await;
        let change = lock(&self.breaker).called(is_well(&answer), Instant::now());
        self.tell(change).await;
        answer.map_err(Failed::from)
    }

    /// Whether the provider answers.
    pub(super) async fn probe(&self) -> Result<(), Failed> {
        match self.call(async |provider| provider.list_intents(None).await).await {
            // It is there, whatever it thinks of the question.
            Ok(_) | Err(Failed::Never(_)) => Ok(()),
            Err(failed) => Err(failed),
        }
    }

    /// The probe is a question that changes nothing, so that no order is the one to try it on.
    async fn be_admitted(&self) -> Result<(), Failed> {
        let admission = lock(&self.breaker).admit(Instant::now());
        match admission {
            Admission::Call => return Ok(()),
            Admission::Nothing => {}
            Admission::Probe => {
                let is_back = is_well(&self.provider.list_intents(None).await);
                let change = lock(&self.breaker).probed(is_back, Instant::now());
                self.tell(change).await;
                if is_back {
                    return Ok(());
                }
            }
        }
        Err(Failed::NotNow("the circuit breaker before the payment provider is open".to_owned()))
    }

    async fn tell(&self, change: Option<Change>) {
        match change {
            Some(Change::Opened) => {
                tracing::warn!("circuit breaker open: the payment provider fails, orders wait");
                let at = Timestamp::from(task::now()).as_millis();
                let notice = format!(r#"{{"at_ms":{at}}}"#);
                self.connection.notify(names::PAYMENT_DELAYED, notice.into()).await;
            }
            Some(Change::Closed) => {
                tracing::info!("circuit breaker closed: the payment provider is back");
            }
            None => {}
        }
    }
}

/// Whether the provider did its work; saying no is part of it.
const fn is_well<Answer>(answer: &Result<Answer, CallError>) -> bool {
    matches!(answer, Ok(_) | Err(CallError::Refused { .. } | CallError::Busy { .. }))
}

impl From<CallError> for Failed {
    fn from(err: CallError) -> Self {
        match err {
            // Nothing was done for this order, so nothing was tried.
            CallError::Down(_) | CallError::Denied { .. } => Self::NotNow(err.to_string()),
            CallError::Refused { .. } => Self::Never(err.to_string()),
            CallError::Unanswered(_) | CallError::Server { .. } | CallError::Busy { .. } => {
                Self::Later(err.to_string())
            }
        }
    }
}

/// A breaker whose holder panicked is as good as it was.
pub(crate) fn lock(breaker: &Mutex<Breaker>) -> MutexGuard<'_, Breaker> {
    breaker.lock().unwrap_or_else(PoisonError::into_inner)
}
