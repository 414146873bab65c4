//! From a declared stage to one that runs: the type parameter of [`Stage`] ends here, so that a
//! worker can run the stage of any pool.

use std::rc::Rc;

use clap::{ArgMatches, Args, Command, FromArgMatches};
use futures_util::future::LocalBoxFuture;
use streams::{Pool, RequestStream, Step, subjects};
use tokio_util::sync::CancellationToken;

use crate::database::Database;
use crate::observer::{ObserverAudit, ObserverReport};
use crate::order_rows::OrderRows;
use crate::pool_access::PoolAccess;
use crate::privilege::Privilege;
use crate::proof::{self, Proof};
use crate::rebuild;
use crate::stage::{
    Dependency, ProbeFuture, Reporter, Stage, StageState, StageStep, StartError, StepFuture,
    WorkerContext,
};
use crate::step_input::{StepError, StepInput, StepOutcome};

/// A stage without its type parameter, as the table of stages holds it.
pub(crate) trait AnyStage: Sync {
    fn pool(&self) -> Pool;
    fn about(&self) -> &'static str;
    fn steps(&self) -> Vec<Step>;
    /// What its workers do at the brokers.
    fn access(&self) -> PoolAccess;
    fn migrations(&self) -> refinery::Runner;
    fn privileges(&self) -> &'static [Privilege];
    /// The views of other pools that prove what its steps consume.
    fn proof_views(&self) -> Vec<&'static str>;
    fn order_rows(&self) -> Option<&OrderRows>;
    /// The audit and the report of a stage that only observes.
    fn observer(&self) -> Option<(ObserverAudit, ObserverReport)>;
    /// Adds the options of the pool's workers to `command`.
    fn add_options(&self, command: Command) -> Command;
    /// Builds everything that a worker of the pool runs.
    fn start(
        &'static self,
        options: &ArgMatches,
        worker: &WorkerContext,
    ) -> Result<StartedStage, StartError>;
}

/// Everything that a worker of a pool runs.
pub(crate) struct StartedStage {
    pub(crate) steps: Vec<RunningStep>,
    pub(crate) background: Vec<StartTask>,
    pub(crate) queries: Vec<StartedQuery>,
    pub(crate) reporter: Reporter,
}

/// Starts a background task.
pub(crate) type StartTask = Box<dyn FnOnce(CancellationToken) -> TaskFuture>;

pub(crate) type TaskFuture = LocalBoxFuture<'static, ()>;

/// The requests on one subject, and what serves them.
pub(crate) struct StartedQuery {
    pub(crate) subject: &'static str,
    pub(crate) serve: Box<dyn FnOnce(RequestStream, CancellationToken) -> TaskFuture>,
}

type RunFn = dyn for<'a> Fn(&'a [StepInput]) -> StepFuture<'a>;

/// A step in a running worker.
#[derive(Clone)]
pub(crate) struct RunningStep {
    pub(crate) step: Step,
    pub(crate) concurrency: usize,
    proofs: &'static [Proof],
    database: Database,
    run: Rc<RunFn>,
    probe: Rc<dyn Fn() -> ProbeFuture<'static>>,
}

impl RunningStep {
    /// Runs the step for every input. Returns one outcome for each, in the same order.
    pub(crate) async fn run(&self, inputs: &[StepInput]) -> Result<Vec<StepOutcome>, StepError> {
        (self.run)(inputs).await
    }

    /// For each of the inputs, why it is not believed; `None` if it is.
    pub(crate) async fn disbelieved(
        &self,
        inputs: &[StepInput],
    ) -> Result<Vec<Option<String>>, StepError> {
        proof::disbelieved(&self.database, self.proofs, inputs).await
    }

    /// Checks that everything that the step depends on is available.
    pub(crate) async fn probe(&self) -> Result<(), StepError> {
        (self.probe)().await
    }

    fn new<S: 'static>(step: &'static StageStep<S>, state: &Rc<S>, database: &Database) -> Self {
        let (runs, probes) = (state.clone(), state.clone());
        let for_probes = database.clone();
        Self {
            step: step.step,
            concurrency: step.concurrency,
            proofs: step.proofs,
            database: database.clone(),
            run: Rc::new(move |inputs| {
                let state = runs.clone();
                Box::pin(async move { (step.run)(&state, inputs).await })
            }),
            probe: Rc::new(move || {
                let (state, database) = (probes.clone(), for_probes.clone());
                Box::pin(async move {
                    for dependency in step.depends_on {
                        match dependency {
                            Dependency::Database => database.probe().await?,
                            Dependency::Service(probe) => probe(&state).await?,
                        }
                    }
                    Ok(())
                })
            }),
        }
    }
}

impl<S: StageState> AnyStage for Stage<S> {
    fn pool(&self) -> Pool {
        self.pool
    }

    fn about(&self) -> &'static str {
        self.about
    }

    fn steps(&self) -> Vec<Step> {
        self.steps.iter().map(|step| step.step).collect()
    }

    fn access(&self) -> PoolAccess {
        let answers = self.queries.iter().map(|query| query.subject);
        PoolAccess {
            pool: self.pool,
            steps: self.steps(),
            publishes: self.publishes,
            notices: self.notices,
            // Any worker answers for the status of orders.
            answers: answers.chain([subjects::STATUS_GET]).collect(),
            purges: self.purges,
            is_always_needed: !self.background.is_empty() || !self.queries.is_empty(),
        }
    }

    fn migrations(&self) -> refinery::Runner {
        (self.migrations)()
    }

    fn privileges(&self) -> &'static [Privilege] {
        self.privileges
    }

    fn proof_views(&self) -> Vec<&'static str> {
        let proofs = self.steps.iter().flat_map(|step| step.proofs);
        proofs.map(|proof| proof.view).collect()
    }

    fn order_rows(&self) -> Option<&OrderRows> {
        self.order_rows.as_ref()
    }

    fn observer(&self) -> Option<(ObserverAudit, ObserverReport)> {
        self.observer.as_ref().map(|observer| (observer.audit, observer.report))
    }

    fn add_options(&self, command: Command) -> Command {
        S::Config::augment_args(command)
    }

    fn start(
        &'static self,
        options: &ArgMatches,
        worker: &WorkerContext,
    ) -> Result<StartedStage, StartError> {
        let config = S::Config::from_arg_matches(options)?;
        let state = Rc::new(S::start(config, worker)?);
        let steps = self.steps.iter().map(|step| RunningStep::new(step, &state, &worker.database));
        let background = self.background.iter().map(|task| {
            let state = state.clone();
            Box::new(move |shutdown| task(state, shutdown)) as StartTask
        });
        let rebuilds = self.steps.iter().filter_map(|StageStep { step, .. }| {
            let rebuild = self.observer.as_ref()?.rebuild_page;
            let (state, database) = (state.clone(), worker.database.clone());
            let run = move |shutdown| {
                let run = rebuild::run(*step, state, rebuild, database, shutdown);
                Box::pin(run) as TaskFuture
            };
            Some(Box::new(run) as StartTask)
        });
        let queries = self.queries.iter().map(|query| {
            let state = state.clone();
            let serve = move |requests, shutdown| (query.serve)(state, requests, shutdown);
            StartedQuery { subject: query.subject, serve: Box::new(serve) }
        });
        Ok(StartedStage {
            steps: steps.collect(),
            background: background.chain(rebuilds).collect(),
            queries: queries.collect(),
            reporter: state.reporter(),
        })
    }
}
