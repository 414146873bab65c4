//! What the provider does with a request that has been read: faults, keys, and the ledger.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::sleep;

use super::answer::Answer;
use super::behaviour::{Behaviour, Fault, Strike};
use super::failure::Failure;
use super::keys::Keys;
use super::ledger::{Ledger, Outcome};
use super::operation::Operation;

/// The provider's state, shared by all connections.
pub(super) struct Api {
    books: Mutex<Books>,
    behaviour: Mutex<Behaviour>,
    away: mpsc::Sender<Duration>,
}

struct Books {
    ledger: Ledger,
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
pub(super) struct Unanswered;

impl Api {
    pub(super) fn new(behaviour: Behaviour, away: mpsc::Sender<Duration>) -> Api {
        let books = Books { ledger: Ledger::new(rand::random()), keys: Keys::default() };
        Api { books: Mutex::new(books), behaviour: Mutex::new(behaviour), away }
    }

    /// Executes an operation, once for each key.
    pub(super) async fn change(
        self: Arc<Self>,
        operation: Operation,
        key: Option<String>,
    ) -> Result<Reply, Unanswered> {
        let behaviour = *self.behaviour();
        let strike = behaviour.strike();
        if let Some(Strike::Before(fault)) = strike {
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
            self.execute(operation, key.as_deref(), strike)
        } else {
            // In a task of its own: it happens even if the caller hangs up meanwhile.
            let late = async move {
                sleep(behaviour.latency).await;
                self.execute(operation, key.as_deref(), strike)
            };
            tokio::spawn(late).await.map_err(|_| Unanswered)?
        };
        if let Some(Strike::After(fault)) = strike {
            silence(fault).await?;
        }
        if outcome.silent {
            silence(Fault::Hang).await?;
        }
        Ok(outcome.answer.into())
    }

    /// Answers a question about the ledger.
    pub(super) async fn read(
        &self,
        question: impl FnOnce(&Ledger) -> Result<Answer, Failure>,
    ) -> Result<Reply, Unanswered> {
        let behaviour = *self.behaviour();
        // Even a sleep of no time lasts until the timer's next tick.
        if !behaviour.latency.is_zero() {
            sleep(behaviour.latency).await;
        }
        if let Some(Strike::Before(fault) | Strike::After(fault)) = behaviour.strike() {
            silence(fault).await?;
            return Ok(Answer::from(Failure::server_error()).into());
        }
        Ok(question(&self.books().ledger).unwrap_or_else(Answer::from).into())
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

    fn execute(&self, operation: Operation, key: Option<&str>, strike: Option<Strike>) -> Outcome {
        let mut books = self.books();
        let outcome = match strike {
            Some(Strike::Before(_)) => Answer::from(Failure::server_error()).into(),
            Some(Strike::After(Fault::ServerError)) => {
                books.ledger.execute(operation);
                Answer::from(Failure::server_error()).into()
            }
            Some(Strike::After(_)) | None => books.ledger.execute(operation),
        };
        if let Some(key) = key {
            books.keys.finish(key, &outcome.answer);
        }
        outcome
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().expect("nothing panics while it holds the books")
    }

    fn behaviour(&self) -> MutexGuard<'_, Behaviour> {
        self.behaviour.lock().expect("nothing panics while it holds the behaviour")
    }
}

/// Goes on only if the fault is one that is answered.
async fn silence(fault: Fault) -> Result<(), Unanswered> {
    match fault {
        Fault::ServerError => Ok(()),
        Fault::Close => Err(Unanswered),
        Fault::Hang => std::future::pending().await,
    }
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Self {
        Reply { answer, replayed: false }
    }
}
