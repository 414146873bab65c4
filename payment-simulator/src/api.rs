//! Executes parsed requests: fault injection, idempotency keys, and the engine.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::sleep;

use super::engine::{Engine, Outcome};
use super::error::ApiError;
use super::fault_config::{FaultConfig, FaultTiming, SimulatedFault};
use super::idempotency_keys::IdempotencyKeys;
use super::operation::Operation;
use super::response::ResponseBody;

/// The provider's state, shared by all connections.
pub(super) struct Api {
    state: Mutex<ProviderState>,
    fault_config: Mutex<FaultConfig>,
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

impl Api {
    pub(super) fn new(fault_config: FaultConfig, outages: mpsc::Sender<Duration>) -> Api {
        let state =
            ProviderState { engine: Engine::new(rand::random()), keys: IdempotencyKeys::default() };
        Api { state: Mutex::new(state), fault_config: Mutex::new(fault_config), outages }
    }

    /// Executes an operation, once for each idempotency key.
    pub(super) async fn execute_once(
        self: Arc<Self>,
        operation: Operation,
        key: Option<String>,
    ) -> Result<Reply, NoResponse> {
        let fault_config = *self.fault_config();
        let fault = fault_config.draw_fault();
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
        let outcome = if fault_config.latency.is_zero() {
            self.execute(operation, key.as_deref(), fault)
        } else {
            // In a separate task, so that it executes even if the caller disconnects first.
            let delayed = async move {
                sleep(fault_config.latency).await;
                self.execute(operation, key.as_deref(), fault)
            };
            tokio::spawn(delayed).await.map_err(|_| NoResponse)?
        };
        if let Some(FaultTiming::After(fault)) = fault {
            withhold_response(fault).await?;
        }
        if outcome.hangs {
            withhold_response(SimulatedFault::Hang).await?;
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
        if let Some(FaultTiming::Before(fault) | FaultTiming::After(fault)) =
            fault_config.draw_fault()
        {
            withhold_response(fault).await?;
            return Ok(ResponseBody::from(ApiError::server_error()).into());
        }
        Ok(query(&self.state().engine).unwrap_or_else(ResponseBody::from).into())
    }

    /// Changes the fault configuration, from the next call on.
    pub(super) fn control(&self, form: &[u8]) -> Result<ResponseBody, ApiError> {
        let mut current = self.fault_config();
        let (fault_config, outage) = current.with_changes(form)?;
        *current = fault_config;
        tracing::info!(?fault_config, ?outage, "simulator behaviour changed");
        if let Some(outage) = outage
            && self.outages.try_send(outage).is_err()
        {
            tracing::info!(?outage, "outage ignored: another one is already scheduled");
        }
        Ok(ResponseBody::Control(fault_config.to_json()))
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

    fn fault_config(&self) -> MutexGuard<'_, FaultConfig> {
        self.fault_config.lock().expect("nothing panics while it holds the fault configuration")
    }
}

/// Closes or hangs the call if the fault says so; returns if the fault is an error response.
async fn withhold_response(fault: SimulatedFault) -> Result<(), NoResponse> {
    match fault {
        SimulatedFault::ServerError => Ok(()),
        SimulatedFault::Close => Err(NoResponse),
        SimulatedFault::Hang => std::future::pending().await,
    }
}

impl From<ResponseBody> for Reply {
    fn from(body: ResponseBody) -> Self {
        Reply { body, is_replayed: false }
    }
}
