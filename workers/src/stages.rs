//! The table of stages: which function runs which step.

use streams::Step;

use crate::database::Database;
use crate::payment::PaymentStage;
use crate::step_input::{StepError, StepInput, StepOutcome};
use crate::{fulfilment, inventory};

/// What the steps of a worker's pool need.
pub(crate) struct Stages {
    pub(crate) database: Database,
    pub(crate) stage: Stage,
    /// Random number that identifies this run of the worker.
    pub(crate) run_id: i64,
}

/// A pool's stage, with what it needs besides the database.
pub(crate) enum Stage {
    Inventory,
    Payment(Box<PaymentStage>),
    Fulfilment(fulfilment::Config),
}

impl Stages {
    /// Runs `step` for every input. Returns one outcome for each input, in the same order.
    pub(crate) async fn run(
        &self,
        step: Step,
        inputs: &[StepInput],
    ) -> Result<Vec<StepOutcome>, StepError> {
        match (&self.stage, step) {
            (Stage::Inventory, Step::Reserve) => inventory::reserve(&self.database, inputs).await,
            (Stage::Inventory, Step::Release) => inventory::release(&self.database, inputs).await,
            (Stage::Payment(payment), Step::Charge) => payment.charge(inputs).await,
            (Stage::Payment(payment), Step::Refund) => payment.refund(inputs).await,
            (Stage::Fulfilment(config), Step::Ship) => {
                fulfilment::ship(&self.database, config.unshippable.as_deref(), inputs).await
            }
            (Stage::Fulfilment(_), Step::Withdraw) => {
                fulfilment::withdraw(&self.database, inputs).await
            }
            (Stage::Inventory | Stage::Payment(_) | Stage::Fulfilment(_), step) => {
                unreachable!("a worker runs the steps of its own pool; {step} is another pool's")
            }
        }
    }

    /// Checks that all dependencies of a step are available. A refund does not depend on the
    /// provider: most orders that are withdrawn hold no money, and those that do are postponed
    /// individually.
    pub(crate) async fn probe(&self, step: Step) -> Result<(), StepError> {
        self.database.probe().await?;
        match (&self.stage, step) {
            (Stage::Payment(payment), Step::Charge) => payment.probe().await,
            _ => Ok(()),
        }
    }
}
