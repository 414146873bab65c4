//! The table of stages: which function takes which step. Do and undo stand side by side.

use streams::Step;

use crate::database::Database;
use crate::payment::Payments;
use crate::task::{StepError, StepInput, StepOutcome};
use crate::{fulfilment, inventory};

/// What the steps of a worker's pool need.
pub(crate) struct Stages {
    pub(crate) database: Database,
    pub(crate) stage: Stage,
    /// Tells this run of the worker from all others.
    pub(crate) process: i64,
}

/// A pool's stage, with what it needs beside the database.
pub(crate) enum Stage {
    Inventory,
    Payment(Box<Payments>),
    Fulfilment(fulfilment::Config),
}

impl Stages {
    /// Takes `step` for every task: as many verdicts, in the same order.
    pub(crate) async fn take(
        &self,
        step: Step,
        tasks: &[StepInput],
    ) -> Result<Vec<StepOutcome>, StepError> {
        match (&self.stage, step) {
            (Stage::Inventory, Step::Reserve) => inventory::reserve(&self.database, tasks).await,
            (Stage::Inventory, Step::Release) => inventory::release(&self.database, tasks).await,
            (Stage::Payment(payments), Step::Charge) => payments.charge(tasks).await,
            (Stage::Payment(payments), Step::Refund) => payments.refund(tasks).await,
            (Stage::Fulfilment(config), Step::Ship) => {
                fulfilment::ship(&self.database, config.unshippable.as_deref(), tasks).await
            }
            (Stage::Fulfilment(_), Step::Withdraw) => {
                fulfilment::withdraw(&self.database, tasks).await
            }
            (Stage::Inventory | Stage::Payment(_) | Stage::Fulfilment(_), step) => {
                unreachable!("a worker takes the steps of its own pool, and {step} is another's")
            }
        }
    }

    /// Whether all that a step depends on is there. A refund goes on without the provider: most
    /// orders that are withdrawn hold no money, and those that do are postponed one by one.
    pub(crate) async fn probe(&self, step: Step) -> Result<(), StepError> {
        self.database.probe().await?;
        match (&self.stage, step) {
            (Stage::Payment(payments), Step::Charge) => payments.probe().await,
            _ => Ok(()),
        }
    }
}
