//! The table of stages: which function takes which step. Do and undo stand side by side.

use streams::Step;

use crate::database::Database;
use crate::payment::Payments;
use crate::task::{StepError, Task, Verdict};
use crate::{fulfilment, inventory};

/// All that the stages need.
pub(crate) struct Stages {
    pub(crate) database: Database,
    pub(crate) payments: Payments,
    /// Tells this run of the worker from all others.
    pub(crate) process: i64,
    /// What SKUs begin with that cannot be shipped.
    pub(crate) unshippable: Option<String>,
}

impl Stages {
    /// Takes `step` for every task: as many verdicts, in the same order.
    pub(crate) async fn take(&self, step: Step, tasks: &[Task]) -> Result<Vec<Verdict>, StepError> {
        match step {
            Step::Reserve => inventory::reserve(&self.database, tasks).await,
            Step::Release => inventory::release(&self.database, tasks).await,
            Step::Charge => self.payments.charge(tasks).await,
            Step::Refund => self.payments.refund(tasks).await,
            Step::Ship => {
                fulfilment::ship(&self.database, self.unshippable.as_deref(), tasks).await
            }
            Step::Withdraw => fulfilment::withdraw(&self.database, tasks).await,
        }
    }

    /// Whether all that a step depends on is there. A refund goes on without the provider: most
    /// orders that are withdrawn hold no money, and those that do are postponed one by one.
    pub(crate) async fn probe(&self, step: Step) -> Result<(), StepError> {
        self.database.probe().await?;
        match step {
            Step::Charge => self.payments.probe().await,
            Step::Reserve | Step::Release | Step::Refund | Step::Ship | Step::Withdraw => Ok(()),
        }
    }
}
