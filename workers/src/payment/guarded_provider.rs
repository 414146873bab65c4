//! The provider behind its circuit breaker, and a limit of concurrent calls that adapts to it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use orders::{OrderId, Timestamp};
use streams::{Connection, subjects};

use super::breaker::{Breaker, Change, Permit};
use super::call_results::{CallKind, CallResults};
use super::call_slots::CallSlots;
use super::failed_call::{self, Health, health};
use super::provider::{CallError, Provider};
use crate::limits::RETRY_AFTER_DEFAULT;
use crate::step_input::{StepError, StepOutcome, now};

/// The provider's name in logs and errors.
const PROVIDER: &str = "the payment provider";

/// A provider that is not called while its circuit breaker is open, and called less while it refuses
/// calls.
pub(super) struct GuardedProvider {
    provider: Provider,
    slots: CallSlots,
    breaker: Arc<Mutex<Breaker>>,
    results: Mutex<CallResults>,
    /// For the notification that payments are delayed.
    connection: Connection,
}

impl GuardedProvider {
    /// `provider` behind `breaker`, with up to `calls_max` concurrent calls; each opening is
    /// notified over `connection`.
    pub(super) fn new(
        provider: Provider,
        calls_max: usize,
        breaker: Arc<Mutex<Breaker>>,
        connection: Connection,
    ) -> Self {
        let (slots, results) = (CallSlots::new(calls_max), Mutex::default());
        Self { provider, slots, breaker, results, connection }
    }

    /// The circuit breaker.
    pub(super) fn breaker(&self) -> Arc<Mutex<Breaker>> {
        self.breaker.clone()
    }

    /// Makes a call about `order`, unless the breaker is open. An error is the outcome of the step for
    /// that order.
    pub(super) async fn call<Output>(
        &self,
        kind: CallKind,
        order: OrderId,
        call: impl AsyncFnOnce(&Provider) -> Result<Output, CallError>,
    ) -> Result<Output, StepOutcome> {
        let result = self.attempt(kind, call).await.map_err(StepOutcome::Postpone)?;
        let health = health(&result);
        if matches!(health, Health::Works | Health::Fails) {
            let has_failed = health == Health::Fails;
            lock(&self.results).record(kind, order, has_failed, Instant::now());
        }
        match result {
            Ok(output) => Ok(output),
            Err(err) => {
                let is_own = match health {
                    Health::Works | Health::Unknown => true,
                    Health::Fails | Health::Limits(_) => self.fails_alone(kind, order).await,
                };
                Err(failed_call::outcome(&err, is_own))
            }
        }
    }

    /// Whether a call for `order` that has just failed is an exception: the breaker is closed, the provider
    /// answers a question, and such a call does not fail for other orders.
    async fn fails_alone(&self, kind: CallKind, order: OrderId) -> bool {
        lock(&self.breaker).is_closed()
            && !lock(&self.results).fails_for_others(kind, order, Instant::now())
            && health(&self.provider.list_intents(None).await) == Health::Works
    }

    /// Makes a call, and records what its result says about the provider. An error if the breaker is open.
    async fn attempt<Output>(
        &self,
        kind: CallKind,
        call: impl AsyncFnOnce(&Provider) -> Result<Output, CallError>,
    ) -> Result<Result<Output, CallError>, String> {
        let slot = self.slots.acquire().await;
        self.acquire_permit(slot.started).await?;
        let called_at = Instant::now();
        let result = call(&self.provider).await;
        match health(&result) {
            Health::Works => {
                // A refusal may be answered at once, and says nothing about speed.
                if result.is_ok() {
                    let (took, now) = (called_at.elapsed(), Instant::now());
                    self.slots.limit().record_success(kind, took, now);
                }
                let change = lock(&self.breaker).record_call(true, Instant::now());
                self.report(change).await;
            }
            Health::Fails => {
                let change = lock(&self.breaker).record_call(false, Instant::now());
                self.report(change).await;
            }
            Health::Limits(wait) => self.obey(slot.started, wait).await,
            Health::Unknown => {}
        }
        Ok(result)
    }

    /// Checks that the provider responds; the error says why it does not.
    pub(super) async fn probe(&self) -> Result<(), String> {
        let question = async |provider: &Provider| provider.list_intents(None).await;
        let result = self.attempt(CallKind::Question, question).await?;
        // Also a rejection shows that the provider is available.
        if health(&result) == Health::Works {
            return Ok(());
        }
        result.map(drop).map_err(|err| err.to_string())
    }

    /// Acquires permission for a call from the breaker, and makes the probe if one is due. The
    /// probe is read-only, so that no order is at risk.
    async fn acquire_permit(&self, started: Instant) -> Result<(), String> {
        let permit = lock(&self.breaker).acquire(Instant::now());
        match permit {
            Permit::Call => return Ok(()),
            Permit::Denied => {}
            Permit::Probe => {
                let health = health(&self.provider.list_intents(None).await);
                if let Health::Limits(wait) = health {
                    self.obey(started, wait).await;
                } else {
                    let has_recovered = health == Health::Works;
                    let change = lock(&self.breaker).record_probe(has_recovered, Instant::now());
                    self.report(change).await;
                    // A call that was refused during the probe may have opened the breaker again.
                    if lock(&self.breaker).is_closed() {
                        return Ok(());
                    }
                }
            }
        }
        Err("the circuit breaker of the payment provider is open".to_owned())
    }

    /// Makes no call for `wait`, and fewer after it, because the provider has refused one that began
    /// at `started`.
    async fn obey(&self, started: Instant, wait: Option<Duration>) {
        // A wait of zero would lead to the next refusal at once.
        let wait = wait.unwrap_or_default().max(RETRY_AFTER_DEFAULT);
        let now = Instant::now();
        {
            let mut limit = self.slots.limit();
            if limit.record_refusal(started, now) {
                let allowed = limit.allowed();
                tracing::warn!(dependency = PROVIDER, ?wait, allowed, "too many calls, waiting");
            }
        }
        let change = lock(&self.breaker).open_until(now + wait);
        self.report(change).await;
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

/// The error of a step for a whole set, when no call can be made.
pub(super) fn provider_unavailable(error: String) -> StepError {
    StepError::DependencyUnavailable { dependency: PROVIDER, source: error.into() }
}

/// The outcomes of a set, or an error if no call could be made for any of its records: the whole set can
/// wait in this worker, without a postponed message for each record.
pub(super) fn unless_all_postponed(
    outcomes: Vec<StepOutcome>,
) -> Result<Vec<StepOutcome>, StepError> {
    let is_postponed = |outcome: &StepOutcome| matches!(outcome, StepOutcome::Postpone(_));
    match outcomes.first() {
        Some(StepOutcome::Postpone(error)) if outcomes.iter().all(is_postponed) => {
            Err(provider_unavailable(error.clone()))
        }
        _ => Ok(outcomes),
    }
}

/// Locks the breaker or the results. Their state is valid also if a previous holder of the lock panicked.
pub(super) fn lock<State>(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
