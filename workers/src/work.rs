//! From records to verdicts: decoding, and finding the one bad record among many good ones.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use orders::Event;
use streams::dead_letter::Reason;
use streams::{Record, Step};

use crate::crash::die_of;
use crate::stages::Stages;
use crate::task::{StepError, StepInput, StepOutcome};

/// What becomes of one record.
pub(crate) enum Worked {
    /// The step is done; these are the outcomes.
    Done(Vec<Event>),
    /// Another try later.
    Later(Event, String),
    /// The same try later: it was not made.
    NotNow(Event, String),
    /// A dead letter.
    Dead(Reason, String),
}

/// Takes `step` for all records: as many answers, in the same order. An error means that a
/// dependency is down and nothing is said about any record.
pub(crate) async fn work(
    stages: &Stages,
    step: Step,
    records: &[Record],
) -> Result<Vec<Worked>, StepError> {
    let mut worked: Vec<Option<Worked>> = Vec::with_capacity(records.len());
    let (mut tasks, mut places) = (Vec::new(), Vec::new());
    for (place, record) in records.iter().enumerate() {
        die_of(&record.line);
        match decode(step, record) {
            Ok(task) => {
                tasks.push(task);
                places.push(place);
                worked.push(None);
            }
            Err(error) => worked.push(Some(Worked::Dead(Reason::Undecodable, error))),
        }
    }
    let verdicts = verdicts(stages, step, &tasks).await?;
    for ((place, task), verdict) in places.into_iter().zip(tasks).zip(verdicts) {
        worked[place] = Some(match verdict {
            StepOutcome::Completed(outcomes) => Worked::Done(outcomes),
            StepOutcome::Retry(error) => Worked::Later(task.event, error),
            StepOutcome::Postpone(error) => Worked::NotNow(task.event, error),
            StepOutcome::Reject(error) => Worked::Dead(Reason::Poison, error),
        });
    }
    Ok(worked.into_iter().flatten().collect())
}

fn decode(step: Step, record: &Record) -> Result<StepInput, String> {
    let event: Event = serde_json::from_slice(&record.line).map_err(|err| err.to_string())?;
    let kind = event.body.kind();
    if step.consumes().contains(&kind) {
        Ok(StepInput { event, history: record.history.clone() })
    } else {
        Err(format!("{step} does not take the event {kind}"))
    }
}

/// Halves a set that has a bad record until the bad one is alone.
async fn verdicts(
    stages: &Stages,
    step: Step,
    tasks: &[StepInput],
) -> Result<Vec<StepOutcome>, StepError> {
    let mut verdicts = Vec::with_capacity(tasks.len());
    let mut sets: Vec<&[StepInput]> = vec![tasks];
    while let Some(set) = sets.pop().filter(|set| !set.is_empty()) {
        match take(stages, step, set).await {
            Ok(more) => verdicts.extend(more),
            Err(StepError::Data(err)) if set.len() == 1 => {
                verdicts.push(StepOutcome::Reject(with_causes(&*err)));
            }
            Err(StepError::Data(_)) => {
                let (front, back) = set.split_at(set.len() / 2);
                sets.extend([back, front]);
            }
            Err(down) => return Err(down),
        }
    }
    Ok(verdicts)
}

/// A stage that panics has met a record that it cannot take.
async fn take(
    stages: &Stages,
    step: Step,
    set: &[StepInput],
) -> Result<Vec<StepOutcome>, StepError> {
    let taken = AssertUnwindSafe(stages.take(step, set)).catch_unwind().await;
    let verdicts = taken.unwrap_or_else(|_| Err(StepError::Data("the step panicked".into())))?;
    assert_eq!(verdicts.len(), set.len(), "{step} gives one verdict for each task");
    Ok(verdicts)
}

/// An error and all that caused it, on one line.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
