//! Executes parsed requests: fault injection, idempotency keys, and the engine.

use std::num::NonZeroU16;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::time::sleep;

use super::engine::Engine;
use super::error::ApiError;
use super::fault_config::{FaultConfig, FaultTiming, SimulatedFault};
use super::idempotency_keys::IdempotencyKeys;
use super::limits::LATE_POLL_INTERVAL;
use super::model::IntentSnapshot;
use super::operation::Operation;
use super::outcome::Outcome;
use super::rate_limit::RateLimit;
use super::response::ResponseBody;

/// The provider's state, shared by all connections.
pub(super) struct Api {
    state: Mutex<ProviderState>,
    fault_config: Mutex<FaultConfig>,
    rate_limit: Mutex<RateLimit>,
    /// Confirms without a response whose effect is still to come.
    late_confirms: AtomicUsize,
    /// Each duration sent here makes the server stop listening for that long.
    outages: mpsc::Sender<Duration>,
}

struct ProviderState {
    engine: Engine,
    keys: IdempotencyKeys,
}

/// A response to send.
pub(super) struct Reply {
    pub(super) body: ResponseBody,
    /// Whether the body was saved under the idempotency key by an earlier request.
    pub(super) is_replayed: bool,
}

/// No response is sent: the connection is to be closed.
#[derive(Debug, thiserror::Error)]
#[error("connection closed without a response (simulated fault)")]
pub(super) struct NoResponse;

/// A change in flight, until it is dropped.
struct InFlight(Arc<Api>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.rate_limit().in_flight -= 1;
    }
}

impl Api {
    pub(super) fn new(
        engine: Engine,
        fault_config: FaultConfig,
        outages: mpsc::Sender<Duration>,
    ) -> Api {
        let state = ProviderState { engine, keys: IdempotencyKeys::default() };
        Api {
            state: Mutex::new(state),
            fault_config: Mutex::new(fault_config),
            rate_limit: Mutex::new(RateLimit::default()),
            late_confirms: AtomicUsize::new(0),
            outages,
        }
    }

    /// Executes an operation, once for each idempotency key.
    pub(super) async fn execute_once(
        self: Arc<Self>,
        operation: Operation,
        key: Option<String>,
    ) -> Result<Reply, NoResponse> {
        let fault_config = *self.fault_config();
        let fault = fault_config.draw_fault(operation.is_confirm());
        let is_late = matches!(fault, Some(FaultTiming::After(SimulatedFault::Late)));
        let _in_flight = match self.begin_change(fault, &fault_config) {
            Ok(in_flight) => in_flight,
            Err(error) => return Ok(ResponseBody::from(error).into()),
        };
        if let Some(FaultTiming::Before(fault)) = fault {
            withhold_response(fault).await?;
        }
        if let Some(key) = &key {
            match self.state().keys.begin(key, operation.fingerprint()) {
                Ok(None) => {}
                Ok(Some(body)) => return Ok(Reply { body, is_replayed: true }),
                Err(error) => return Ok(ResponseBody::from(error).into()),
            }
        }
        let outcome = if fault_config.latency.is_zero() && !is_late {
            self.execute(operation, key.as_deref(), fault)
        } else {
            // In a separate task, so that it executes even if the caller disconnects first.
            let delayed = async move {
                sleep(fault_config.latency).await;
                if is_late {
                    return self.execute_late(operation, key.as_deref()).await;
                }
                self.execute(operation, key.as_deref(), fault)
            };
            tokio::spawn(delayed).await.map_err(|_| NoResponse)?
        };
        if let Some(FaultTiming::After(fault)) = fault {
            withhold_response(fault).await?;
        }
        if let Some(fault) = outcome.withheld {
            withhold_response(fault).await?;
        }
        Ok(outcome.body.into())
    }

    /// Executes a query on the engine.
    pub(super) async fn read(
        &self,
        query: impl FnOnce(&Engine) -> Result<ResponseBody, ApiError>,
    ) -> Result<Reply, NoResponse> {
        let fault_config = *self.fault_config();
        // Even a sleep of zero lasts until the timer's next tick.
        if !fault_config.latency.is_zero() {
            sleep(fault_config.latency).await;
        }
        let fault = fault_config.draw_fault(false);
        if let Err(error) = self.check_rate(fault, &fault_config) {
            return Ok(ResponseBody::from(error).into());
        }
        if let Some(FaultTiming::Before(fault) | FaultTiming::After(fault)) = fault {
            withhold_response(fault).await?;
            return Ok(ResponseBody::from(ApiError::server_error()).into());
        }
        Ok(query(&self.state().engine).unwrap_or_else(ResponseBody::from).into())
    }

    /// The intent as it is now, without simulated faults.
    pub(super) fn intent(&self, id: &str) -> Result<IntentSnapshot, ApiError> {
        self.state().engine.intent(id)
    }

    /// What the buyer decides about a payment that requires it, without simulated faults.
    pub(super) fn authenticate(&self, intent: &str, is_approved: bool) -> Result<(), ApiError> {
        self.state().engine.authenticate(intent, is_approved)
    }

    /// Changes the faults and where webhooks are sent, from the next call on.
    pub(super) fn control(&self, form: &[u8]) -> Result<ResponseBody, ApiError> {
        let (webhook_changes, fault_changes): (Vec<_>, Vec<_>) =
            form_urlencoded::parse(form).partition(|(name, _)| name.starts_with("webhook_"));
        let mut current = self.fault_config();
        let (fault_config, outage) = current.with_changes(fault_changes)?;
        let mut state = self.state();
        let webhooks = &mut state.engine.webhooks.config;
        *webhooks = webhooks.clone().with_changes(webhook_changes)?;
        *current = fault_config;
        drop(current);
        state.engine.amount_min = fault_config.amount_min;
        state.engine.settle_payments(fault_config.payments);
        state.engine.refunds.settle(fault_config.refunds);
        drop(state);
        tracing::info!(?fault_config, ?outage, "simulator behaviour changed");
        if let Some(outage) = outage
            && self.outages.try_send(outage).is_err()
        {
            tracing::info!(?outage, "outage ignored: another one is already scheduled");
        }
        Ok(self.describe())
    }

    /// The fault configuration, where webhooks are sent, what the rate limit has seen, and how many late
    /// confirms are to come.
    pub(super) fn describe(&self) -> ResponseBody {
        let mut description = self.fault_config().to_json();
        description["late_confirms"] = self.late_confirms.load(Ordering::Relaxed).into();
        description["rate_limit"] = self.rate_limit().to_json();
        let target = self.state().engine.webhooks.config.target().map(|(url, _)| url.to_string());
        description["webhook_url"] = target.into();
        ResponseBody::Control(description)
    }

    /// Counts a change as in flight, unless there are too many.
    fn begin_change(
        self: &Arc<Self>,
        fault: Option<FaultTiming>,
        fault_config: &FaultConfig,
    ) -> Result<InFlight, ApiError> {
        let has_limit = fault_config.in_flight_max > 0;
        let is_full = has_limit && self.rate_limit().in_flight >= fault_config.in_flight_max;
        let refusal = FaultTiming::Before(SimulatedFault::RateLimit);
        self.check_rate(if is_full { Some(refusal) } else { fault }, fault_config)?;
        self.rate_limit().in_flight += 1;
        Ok(InFlight(Arc::clone(self)))
    }

    /// Refuses the call if the fault is a 429.
    fn check_rate(
        &self,
        fault: Option<FaultTiming>,
        fault_config: &FaultConfig,
    ) -> Result<(), ApiError> {
        let now = Instant::now();
        let mut rate_limit = self.rate_limit();
        rate_limit.record_call(now);
        let Some(FaultTiming::Before(SimulatedFault::RateLimit)) = fault else { return Ok(()) };
        rate_limit.record_refusal(now, fault_config.retry_after);
        Err(ApiError::rate_limited(NonZeroU16::new(fault_config.retry_after)))
    }

    /// Executes a confirm once it is due.
    async fn execute_late(&self, operation: Operation, key: Option<&str>) -> Outcome {
        let received = Instant::now();
        self.late_confirms.fetch_add(1, Ordering::Relaxed);
        while received.elapsed() < self.fault_config().late {
            sleep(LATE_POLL_INTERVAL).await;
        }
        let outcome = self.execute(operation, key, None);
        self.late_confirms.fetch_sub(1, Ordering::Relaxed);
        outcome
    }

    fn execute(
        &self,
        operation: Operation,
        key: Option<&str>,
        fault: Option<FaultTiming>,
    ) -> Outcome {
        let mut state = self.state();
        let outcome = match fault {
            Some(FaultTiming::Before(_)) => ResponseBody::from(ApiError::server_error()).into(),
            Some(FaultTiming::After(SimulatedFault::ServerError)) => {
                state.engine.execute(operation);
                ResponseBody::from(ApiError::server_error()).into()
            }
            Some(FaultTiming::After(_)) | None => state.engine.execute(operation),
        };
        if let Some(key) = key {
            state.keys.finish(key, &outcome.body);
        }
        outcome
    }

    fn state(&self) -> MutexGuard<'_, ProviderState> {
        self.state.lock().expect("nothing panics while it holds the provider's state")
    }

    fn rate_limit(&self) -> MutexGuard<'_, RateLimit> {
        self.rate_limit.lock().expect("nothing panics while it holds the rate limit")
    }

    fn fault_config(&self) -> MutexGuard<'_, FaultConfig> {
        self.fault_config.lock().expect("nothing panics while it holds the fault configuration")
    }
}

/// Closes or hangs the call if the fault says so; returns if the fault is an error response.
async fn withhold_response(fault: SimulatedFault) -> Result<(), NoResponse> {
    match fault {
        SimulatedFault::ServerError | SimulatedFault::RateLimit => Ok(()),
        SimulatedFault::Close => Err(NoResponse),
        SimulatedFault::Hang | SimulatedFault::Late => std::future::pending().await,
    }
}

impl From<ResponseBody> for Reply {
    fn from(body: ResponseBody) -> Self {
        Reply { body, is_replayed: false }
    }
}
