//! Records taken one by one, each marked in the database while it is in work: whatever kills the
//! process is known by the mark that it leaves, and is set aside alone.

use std::slice;
use std::time::Duration;

use deadpool_postgres::Object;
use streams::dead_letter::Reason;
use streams::{Record, Step};
use tokio::time::timeout;

use crate::database::DatabaseError;
use crate::stages::Stages;
use crate::task::StepError;
use crate::work::{Worked, with_causes, work};

/// So often a worker may die while it has nothing but one record in work. Once may be chance: a
/// machine that is switched off.
const DEATHS_MAX: i32 = 3;
/// For the database while the worker is about to end.
const FORGET_WITHIN: Duration = Duration::from_secs(2);

mod embedded {
    refinery::embed_migrations!("src/alone/migrations");
}

/// How the table of marks comes to be.
pub(crate) fn migrations() -> refinery::Runner {
    embedded::migrations::runner()
}

/// Takes `step` for one record after the other: as many answers, in the same order. An error means
/// that a dependency is down and nothing is said about any record.
pub(crate) async fn one_by_one(
    stages: &Stages,
    step: Step,
    records: &[Record],
) -> Result<Vec<Worked>, StepError> {
    let mut worked = Vec::with_capacity(records.len());
    for record in records {
        worked.extend(alone(stages, step, record).await?);
    }
    Ok(worked)
}

/// Takes back that this run has begun with the records of `step` which are still in its work: it was
/// asked to end, and they have killed nobody. Where that fails, each counts as a death.
pub(crate) async fn stopped_in_order(stages: &Stages, step: Step) {
    let Stages { database, process, .. } = stages;
    let forget = database.settled(async |connection| forget(connection, step, *process).await);
    match timeout(FORGET_WITHIN, forget).await {
        Ok(Ok(())) => {}
        Ok(Err(err)) => tracing::warn!(%step, error = with_causes(&err), "marks are left"),
        Err(_) => tracing::warn!(%step, "marks are left: the database is slow"),
    }
}

async fn alone(stages: &Stages, step: Step, record: &Record) -> Result<Vec<Worked>, StepError> {
    let Stages { database, process, .. } = stages;
    let name = record.name();
    let times =
        database.settled(async |connection| begin(connection, step, &name, *process).await).await?;
    if times > DEATHS_MAX {
        // The mark stays: it is the proof until the dead letter is stored.
        let error = format!("{DEATHS_MAX} workers died while each had this record alone in work");
        return Ok(vec![Worked::Dead(Reason::Poison, error)]);
    }
    let worked = work(stages, step, slice::from_ref(record)).await;
    database.settled(async |connection| end(connection, step, &name).await).await?;
    worked
}

/// Marks the record as in work. Tells how many runs of a worker have begun with it, this one
/// included; one that found its database away and is still alive counts once.
async fn begin(
    connection: &Object,
    step: Step,
    record: &str,
    process: i64,
) -> Result<i32, DatabaseError> {
    let mark = connection
        .prepare_cached(
            "INSERT INTO workers.taken_alone AS marks (step, record, process, times)
             VALUES ($1, $2, $3, 1)
             ON CONFLICT (step, record) DO UPDATE SET process = $3,
                 times = marks.times + CASE marks.process WHEN $3 THEN 0 ELSE 1 END
             RETURNING times",
        )
        .await?;
    Ok(connection.query_one(&mark, &[&step.as_str(), &record, &process]).await?.try_get(0)?)
}

async fn forget(connection: &Object, step: Step, process: i64) -> Result<(), DatabaseError> {
    let forget = connection
        .prepare_cached(
            "UPDATE workers.taken_alone SET times = times - 1 WHERE step = $1 AND process = $2",
        )
        .await?;
    connection.execute(&forget, &[&step.as_str(), &process]).await?;
    Ok(())
}

async fn end(connection: &Object, step: Step, record: &str) -> Result<(), DatabaseError> {
    let unmark = connection
        .prepare_cached("DELETE FROM workers.taken_alone WHERE step = $1 AND record = $2")
        .await?;
    connection.execute(&unmark, &[&step.as_str(), &record]).await?;
    Ok(())
}
