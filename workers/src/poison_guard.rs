//! Processes records individually, each marked in the database while it is in progress. A record
//! that crashes the worker leaves its mark behind; after three crashes it becomes a dead letter by
//! itself.

use std::slice;
use std::time::Duration;

use deadpool_postgres::Object;
use streams::dead_letter::Reason;
use streams::{Record, Step};
use tokio::time::timeout;

use crate::database::DatabaseError;
use crate::process::{RecordOutcome, error_chain, process};
use crate::stages::Stages;
use crate::step_input::StepError;

/// How often a worker may crash while it processes nothing but one record. A single crash may be
/// chance, such as a machine that is switched off.
const CRASHES_BEFORE_DEAD_LETTER: i32 = 3;
/// Limit for clearing the marks while the worker shuts down.
const CLEAR_MARKS_TIMEOUT: Duration = Duration::from_secs(2);

mod embedded {
    refinery::embed_migrations!("src/poison_guard/migrations");
}

/// The migrations of the table of marks.
pub(crate) fn migrations() -> refinery::Runner {
    embedded::migrations::runner()
}

/// Runs `step` for one record after the other. Returns one outcome for each record, in the same
/// order. An error means that a dependency is down, and says nothing about any record.
pub(crate) async fn process_individually(
    stages: &Stages,
    step: Step,
    records: &[Record],
) -> Result<Vec<RecordOutcome>, StepError> {
    let mut outcomes = Vec::with_capacity(records.len());
    for record in records {
        outcomes.extend(process_guarded(stages, step, record).await?);
    }
    Ok(outcomes)
}

/// Takes this run off the count of each record of `step` that it still has in progress: it was shut
/// down, so those records did not crash it. If that fails, each of them counts as a crash.
pub(crate) async fn clear_marks_on_clean_stop(stages: &Stages, step: Step) {
    let Stages { database, run_id, .. } = stages;
    let clear = database
        .with_retries(async |connection| subtract_from_marks(connection, step, *run_id).await);
    let error = match timeout(CLEAR_MARKS_TIMEOUT, clear).await {
        Ok(Ok(())) => return,
        Ok(Err(err)) => error_chain(&err),
        Err(_) => "PostgreSQL timed out".to_owned(),
    };
    tracing::warn!(%step, error, "could not clear in-progress marks on shutdown");
}

async fn process_guarded(
    stages: &Stages,
    step: Step,
    record: &Record,
) -> Result<Vec<RecordOutcome>, StepError> {
    let Stages { database, run_id, .. } = stages;
    let name = record.name();
    let runs = database
        .with_retries(async |connection| mark(connection, step, &name, *run_id).await)
        .await?;
    if runs > CRASHES_BEFORE_DEAD_LETTER {
        // The mark stays: it is the proof until the dead letter is stored.
        let error = format!(
            "{CRASHES_BEFORE_DEAD_LETTER} workers crashed while processing this record alone"
        );
        return Ok(vec![RecordOutcome::DeadLetter(Reason::Poison, error)]);
    }
    let outcome = process(stages, step, slice::from_ref(record)).await;
    database.with_retries(async |connection| unmark(connection, step, &name).await).await?;
    outcome
}

/// Marks the record as in progress. Returns how many worker runs have started it, this one
/// included. A run that found its database unavailable and is still alive counts once.
async fn mark(
    connection: &Object,
    step: Step,
    record: &str,
    run_id: i64,
) -> Result<i32, DatabaseError> {
    let insert = connection
        .prepare_cached(
            "INSERT INTO workers.taken_alone AS marks (step, record, process, times)
             VALUES ($1, $2, $3, 1)
             ON CONFLICT (step, record) DO UPDATE SET process = $3,
                 times = marks.times + CASE marks.process WHEN $3 THEN 0 ELSE 1 END
             RETURNING times",
        )
        .await?;
    Ok(connection.query_one(&insert, &[&step.as_str(), &record, &run_id]).await?.try_get(0)?)
}

async fn subtract_from_marks(
    connection: &Object,
    step: Step,
    run_id: i64,
) -> Result<(), DatabaseError> {
    let update = connection
        .prepare_cached(
            "UPDATE workers.taken_alone SET times = times - 1 WHERE step = $1 AND process = $2",
        )
        .await?;
    connection.execute(&update, &[&step.as_str(), &run_id]).await?;
    Ok(())
}

async fn unmark(connection: &Object, step: Step, record: &str) -> Result<(), DatabaseError> {
    let delete = connection
        .prepare_cached("DELETE FROM workers.taken_alone WHERE step = $1 AND record = $2")
        .await?;
    connection.execute(&delete, &[&step.as_str(), &record]).await?;
    Ok(())
}
