//! What the provider does with a request that has been read: faults, keys, and the ledger.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::sleep;

use super::answer::Answer;
use super::behaviour::{FaultConfig, FaultTiming, SimulatedFault};
use super::engine::{Engine, Outcome};
use super::failure::Failure;
use super::keys::Keys;
use super::operation::Operation;

/// The provider's state, shared by all connections.
pub(super) struct Api {
    books: Mutex<Books>,
    behaviour: Mutex<FaultConfig>,
    away: mpsc::Sender<Duration>,
}

struct Books {
    engine: Engine,
    keys: Keys,
}

/// An answer to send.
pub(super) struct Reply {
    pub(super) answer: Answer,
    pub(super) replayed: bool,
}

/// No answer will come: the connection is to be closed.
#[derive(Debug, thiserror::Error)]
#[error("the connection is closed without an answer")]
pub(super) struct NoResponse;

impl Api {
    pub(super) fn new(behaviour: FaultConfig, away: mpsc::Sender<Duration>) -> Api {
        let books = Books { engine: Engine::new(rand::random()), keys: Keys::default() };
        Api { books: Mutex::new(books), behaviour: Mutex::new(behaviour), away }
    }

    /// Executes an operation, once for each key.
    pub(super) async fn change(
        self: Arc<Self>,
        operation: Operation,
        key: Option<String>,
    ) -> Result<Reply, NoResponse> {
        let behaviour = *self.behaviour();
        let draw_fault = behaviour.draw_fault();
        if let Some(FaultTiming::Before(fault)) = draw_fault {
            silence(fault).await?;
        }
        if let Some(key) = &key {
            match self.books().keys.begin(key, operation.fingerprint()) {
                Ok(None) => {}
                Ok(Some(answer)) => return Ok(Reply { answer, replayed: true }),
                Err(failure) => return Ok(Answer::from(failure).into()),
            }
        }
        let outcome = if behaviour.latency.is_zero() {
            self.execute(operation, key.as_deref(), draw_fault)
        } else {
            // In a task of its own: it happens even if the caller hangs up meanwhile.
            let late = async move {
                sleep(behaviour.latency).await;
                self.execute(operation, key.as_deref(), draw_fault)
            };
            tokio::spawn(late).await.map_err(|_| NoResponse)?
        };
        if let Some(FaultTiming::After(fault)) = draw_fault {
            silence(fault).await?;
        }
        if outcome.silent {
            silence(SimulatedFault::Hang).await?;
        }
        Ok(outcome.answer.into())
    }

    /// Answers a question about the ledger.
    pub(super) async fn read(
        &self,
        question: impl FnOnce(&Engine) -> Result<Answer, Failure>,
    ) -> Result<Reply, NoResponse> {
        let behaviour = *self.behaviour();
        // Even a sleep of no time lasts until the timer's next tick.
        if !behaviour.latency.is_zero() {
            sleep(behaviour.latency).await;
        }
        if let Some(FaultTiming::Before(fault) | FaultTiming::After(fault)) = behaviour.draw_fault()
        {
            silence(fault).await?;
            return Ok(Answer::from(Failure::server_error()).into());
        }
        Ok(question(&self.books().engine).unwrap_or_else(Answer::from).into())
    }

    /// Changes how the provider behaves, from the next call on.
    pub(super) fn control(&self, form: &[u8]) -> Result<Answer, Failure> {
        let mut current = self.behaviour();
        let (behaviour, absence) = current.changed(form)?;
        *current = behaviour;
        tracing::info!(?behaviour, ?absence, "the payment provider behaves anew");
        if let Some(absence) = absence
            && self.away.try_send(absence).is_err()
        {
            tracing::info!("the payment provider is about to go away already");
        }
        Ok(Answer::Control(behaviour.to_json()))
    }

    fn execute(
        &self,
        operation: Operation,
        key: Option<&str>,
        draw_fault: Option<FaultTiming>,
    ) -> Outcome {
        let mut books = self.books();
        let outcome = match draw_fault {
            Some(FaultTiming::Before(_)) => Answer::from(Failure::server_error()).into(),
            Some(FaultTiming::After(SimulatedFault::ServerError)) => {
                books.engine.execute(operation);
                Answer::from(Failure::server_error()).into()
            }
            Some(FaultTiming::After(_)) | None => books.engine.execute(operation),
        };
        if let Some(key) = key {
            books.keys.finish(key, &outcome.answer);
        }
        outcome
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().expect("nothing panics while it holds the books")
    }

    fn behaviour(&self) -> MutexGuard<'_, FaultConfig> {
        self.behaviour.lock().expect("nothing panics while it holds the behaviour")
    }
}

/// Goes on only if the fault is one that is answered.
async fn silence(fault: SimulatedFault) -> Result<(), NoResponse> {
    match fault {
        SimulatedFault::ServerError => Ok(()),
        SimulatedFault::Close => Err(NoResponse),
        SimulatedFault::Hang => std::future::pending().await,
    }
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Self {
        Reply { answer, replayed: false }
    }
}
