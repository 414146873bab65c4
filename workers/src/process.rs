//! From records to outcomes: decodes records, runs the step, and isolates a bad record by
//! bisection.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use orders::Event;
use streams::dead_letter::Reason;
use streams::{Record, Step};

use crate::failpoints::crash_on_record;
use crate::stages::Stages;
use crate::step_input::{StepError, StepInput, StepOutcome};

/// The outcome of one record.
pub(crate) enum RecordOutcome {
    /// The step is completed and resulted in these events.
    Completed(Vec<Event>),
    /// The step failed with this error and is retried later.
    Retry(Event, String),
    /// The step was not attempted, with this error, and is attempted later.
    Postpone(Event, String),
    /// The record becomes a dead letter, with this error.
    DeadLetter(Reason, String),
}

/// Runs `step` for all records. Returns one outcome for each record, in the same order. An error
/// means that a dependency is down, and says nothing about any record.
pub(crate) async fn process(
    stages: &Stages,
    step: Step,
    records: &[Record],
) -> Result<Vec<RecordOutcome>, StepError> {
    let mut outcomes: Vec<Option<RecordOutcome>> = Vec::with_capacity(records.len());
    let mut inputs = Vec::new();
    let mut input_positions = Vec::new();
    for (position, record) in records.iter().enumerate() {
        crash_on_record(&record.line);
        match decode(step, record) {
            Ok(input) => {
                inputs.push(input);
                input_positions.push(position);
                outcomes.push(None);
            }
            Err(error) => {
                outcomes.push(Some(RecordOutcome::DeadLetter(Reason::Undecodable, error)));
            }
        }
    }
    let step_outcomes = run_bisecting(stages, step, &inputs).await?;
    for ((position, input), outcome) in input_positions.into_iter().zip(inputs).zip(step_outcomes) {
        outcomes[position] = Some(match outcome {
            StepOutcome::Completed(events) => RecordOutcome::Completed(events),
            StepOutcome::Retry(error) => RecordOutcome::Retry(input.event, error),
            StepOutcome::Postpone(error) => RecordOutcome::Postpone(input.event, error),
            StepOutcome::Reject(error) => RecordOutcome::DeadLetter(Reason::Poison, error),
        });
    }
    Ok(outcomes.into_iter().flatten().collect())
}

fn decode(step: Step, record: &Record) -> Result<StepInput, String> {
    let event: Event = serde_json::from_slice(&record.line).map_err(|err| err.to_string())?;
    let kind = event.body.kind();
    if step.consumes().contains(&kind) {
        Ok(StepInput { event, history: record.history.clone() })
    } else {
        Err(format!("step `{step}` does not consume event `{kind}`"))
    }
}

/// Runs `step`, and bisects a set that fails because of its data until the bad input is isolated.
async fn run_bisecting(
    stages: &Stages,
    step: Step,
    inputs: &[StepInput],
) -> Result<Vec<StepOutcome>, StepError> {
    let mut outcomes = Vec::with_capacity(inputs.len());
    let mut sets: Vec<&[StepInput]> = vec![inputs];
    while let Some(set) = sets.pop().filter(|set| !set.is_empty()) {
        match run_step(stages, step, set).await {
            Ok(more) => outcomes.extend(more),
            Err(StepError::BadData(err)) if set.len() == 1 => {
                outcomes.push(StepOutcome::Reject(error_chain(&*err)));
            }
            Err(StepError::BadData(_)) => {
                let (front, back) = set.split_at(set.len() / 2);
                sets.extend([back, front]);
            }
            Err(unavailable @ StepError::DependencyUnavailable { .. }) => return Err(unavailable),
        }
    }
    Ok(outcomes)
}

/// Runs `step` once. A panic of the stage counts as bad data.
async fn run_step(
    stages: &Stages,
    step: Step,
    set: &[StepInput],
) -> Result<Vec<StepOutcome>, StepError> {
    let result = AssertUnwindSafe(stages.run(step, set)).catch_unwind().await;
    let outcomes =
        result.unwrap_or_else(|_| Err(StepError::BadData("the step panicked".into())))?;
    assert_eq!(outcomes.len(), set.len(), "{step} returns one outcome for each input");
    Ok(outcomes)
}

/// An error and all its causes, on one line.
pub(crate) fn error_chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
