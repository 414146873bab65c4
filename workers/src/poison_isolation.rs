//! Processes records individually, each marked in the database while it is in progress. A record
//! that crashes the worker leaves its mark behind; after three crashes it becomes a dead letter by
//! itself.

use std::slice;

use deadpool_postgres::Object;
use streams::{Record, Step};
use tokio::time::timeout;

use crate::database::{Database, DatabaseError};
use crate::error_chain::error_chain;
use crate::limits::{CLEAR_MARKS_TIMEOUT, CRASHES_BEFORE_DEAD_LETTER};
use crate::process::process;
use crate::running_stage::RunningStep;
use crate::step_input::{StepError, StepOutcome};

/// The run of a mark whose worker was shut down. Each loop of the worker takes back the marks of its
/// step, so a mark that is taken back must not be found again.
const NO_RUN: i64 = 0;

/// Isolates the records of one worker.
#[derive(Clone)]
pub(crate) struct PoisonIsolation {
    pub(crate) database: Database,
    /// Random number that identifies this run of the worker.
    pub(crate) run_id: i64,
}

impl PoisonIsolation {
    /// Runs `step` for one record after the other. Returns one outcome for each record, in the same
    /// order. An error means that a dependency is down, and says nothing about any record.
    pub(crate) async fn process_individually(
        &self,
        step: &RunningStep,
        records: &[Record],
    ) -> Result<Vec<StepOutcome>, StepError> {
        let mut outcomes = Vec::with_capacity(records.len());
        for record in records {
            outcomes.extend(self.process_marked(step, record).await?);
        }
        Ok(outcomes)
    }

    /// Takes this run off the count of each record of `step` that it still has in progress: it was
    /// shut down, so those records did not crash it. If that fails, each of them counts as a crash.
    pub(crate) async fn clear_marks_on_clean_stop(&self, step: &Step) {
        let clear = self.database.with_retries(async |connection| {
            subtract_from_marks(connection, step, self.run_id).await
        });
        let error = match timeout(CLEAR_MARKS_TIMEOUT, clear).await {
            Ok(Ok(())) => return,
            Ok(Err(err)) => error_chain(&err),
            Err(_) => "PostgreSQL timed out".to_owned(),
        };
        tracing::warn!(%step, error, "could not clear in-progress marks on shutdown");
    }

    async fn process_marked(
        &self,
        step: &RunningStep,
        record: &Record,
    ) -> Result<Vec<StepOutcome>, StepError> {
        let name = record.name();
        let mark =
            async |connection: &mut Object| mark(connection, &step.step, &name, self.run_id).await;
        if self.database.with_retries(mark).await? > CRASHES_BEFORE_DEAD_LETTER {
            // The mark stays: it is the proof until the dead letter is stored.
            let error = format!(
                "{CRASHES_BEFORE_DEAD_LETTER} workers crashed while processing this record alone"
            );
            return Ok(vec![StepOutcome::reject(error)]);
        }
        let outcome = process(step, slice::from_ref(record)).await;
        let unmark = async |connection: &mut Object| unmark(connection, &step.step, &name).await;
        self.database.with_retries(unmark).await?;
        outcome
    }
}

/// Marks the record as in progress. Returns how many worker runs have started it, this one
/// included. A run that found its database unavailable and is still alive counts once.
async fn mark(
    connection: &Object,
    step: &Step,
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
    Ok(connection.query_one(&insert, &[&step.name, &record, &run_id]).await?.try_get(0)?)
}

async fn subtract_from_marks(
    connection: &Object,
    step: &Step,
    run_id: i64,
) -> Result<(), DatabaseError> {
    let update = connection
        .prepare_cached(
            "UPDATE workers.taken_alone SET times = times - 1, process = $3
             WHERE step = $1 AND process = $2",
        )
        .await?;
    connection.execute(&update, &[&step.name, &run_id, &NO_RUN]).await?;
    Ok(())
}

async fn unmark(connection: &Object, step: &Step, record: &str) -> Result<(), DatabaseError> {
    let delete = connection
        .prepare_cached("DELETE FROM workers.taken_alone WHERE step = $1 AND record = $2")
        .await?;
    connection.execute(&delete, &[&step.name, &record]).await?;
    Ok(())
}
