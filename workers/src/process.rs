//! From records to outcomes: decodes records, runs the step, and isolates a bad record by
//! bisection.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use orders::{Event, EventError};
use streams::dead_letter::Reason;
use streams::{Record, Step, failpoint};

use crate::error_chain::error_chain;
use crate::running_stage::RunningStep;
use crate::step_input::{StepError, StepInput, StepOutcome};

/// Runs `step` for all records. Returns one outcome for each record, in the same order. An error
/// means that a dependency is down, and says nothing about any record.
pub(crate) async fn process(
    step: &RunningStep,
    records: &[Record],
) -> Result<Vec<StepOutcome>, StepError> {
    let mut outcomes: Vec<Option<StepOutcome>> = Vec::with_capacity(records.len());
    let mut inputs = Vec::new();
    for record in records {
        failpoint!("crash_on_record" => crate::failpoints::crash_on_record(record));
        let (input, outcome) = match decode(&step.step, record) {
            Ok(input) => (Some(input), None),
            Err(outcome) => (None, Some(outcome)),
        };
        inputs.extend(input);
        outcomes.push(outcome);
    }
    let mut step_outcomes = run_bisecting(step, &inputs).await?.into_iter();
    Ok(outcomes
        .into_iter()
        .filter_map(|outcome| outcome.or_else(|| step_outcomes.next()))
        .collect())
}

fn decode(step: &Step, record: &Record) -> Result<StepInput, StepOutcome> {
    let undecodable = |error| StepOutcome::DeadLetter(Reason::Undecodable, error);
    let event = Event::parse(&record.line).map_err(|err| match err {
        EventError::Unsupported(error) => StepOutcome::Unsupported(error),
        EventError::Invalid(error) => undecodable(error),
    })?;
    let kind = event.body.kind();
    if step.consumes.contains(&kind) {
        Ok(StepInput { event, history: record.history.clone() })
    } else {
        Err(undecodable(format!("step `{step}` does not consume event `{kind}`")))
    }
}

/// Runs `step`, and bisects a set that fails because of its data until the bad input is isolated.
async fn run_bisecting(
    step: &RunningStep,
    inputs: &[StepInput],
) -> Result<Vec<StepOutcome>, StepError> {
    let mut outcomes = Vec::with_capacity(inputs.len());
    let mut sets: Vec<&[StepInput]> = vec![inputs];
    while let Some(set) = sets.pop().filter(|set| !set.is_empty()) {
        match run_step(step, set).await {
            Ok(more) => outcomes.extend(more),
            Err(StepError::BadData(err)) if set.len() == 1 => {
                outcomes.push(StepOutcome::reject(error_chain(&*err)));
            }
            Err(StepError::Unsupported(err)) if set.len() == 1 => {
                outcomes.push(StepOutcome::Unsupported(error_chain(&*err)));
            }
            Err(StepError::BadData(_) | StepError::Unsupported(_)) => {
                let (front, back) = set.split_at(set.len() / 2);
                sets.extend([back, front]);
            }
            Err(unavailable @ StepError::DependencyUnavailable { .. }) => return Err(unavailable),
        }
    }
    Ok(outcomes)
}

/// Runs `step` once. A panic of the stage counts as bad data.
async fn run_step(step: &RunningStep, set: &[StepInput]) -> Result<Vec<StepOutcome>, StepError> {
    let result = AssertUnwindSafe(run_believed(step, set)).catch_unwind().await;
    let outcomes =
        result.unwrap_or_else(|_| Err(StepError::BadData("the step panicked".into())))?;
    assert_eq!(outcomes.len(), set.len(), "{} returns one outcome for each input", step.step);
    Ok(outcomes)
}

/// Runs `step` for the inputs that are believed; the others are rejected. Returns one outcome for each, in the
/// same order.
async fn run_believed(
    step: &RunningStep,
    set: &[StepInput],
) -> Result<Vec<StepOutcome>, StepError> {
    let errors = step.disbelieved(set).await?;
    if errors.iter().all(Option::is_none) {
        return step.run(set).await;
    }
    let believed = set.iter().zip(&errors).filter(|(_, error)| error.is_none());
    let believed: Vec<StepInput> = believed.map(|(input, _)| input.clone()).collect();
    let outcomes = if believed.is_empty() { Vec::new() } else { step.run(&believed).await? };
    let mut outcomes = outcomes.into_iter();
    let outcome = |error: Option<String>| match error {
        Some(error) => Some(StepOutcome::reject(error)),
        None => outcomes.next(),
    };
    Ok(errors.into_iter().filter_map(outcome).collect())
}
