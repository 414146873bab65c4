//! What observing steps missed: messages that were purged before a step had processed them. The
//! step rebuilds from rows what they said, and the report of it stays here.

use deadpool_postgres::Object;
use serde::Serialize;
use streams::{
    Connection, InspectError, MissedMessages, Step, find_lane_progress, lanes, stream_state,
};
use thiserror::Error;
use tokio_postgres::Row;

use crate::database::{Database, DatabaseError};
use crate::step_input::StepError;

/// Messages that a step missed, and whether it has rebuilt what they said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MissedReport {
    /// The name of the step.
    pub step: String,
    /// The stream of the lane that they were in.
    pub stream: String,
    /// The sequence number of the first message in the lane.
    pub first: i64,
    /// The sequence number of the last one.
    pub last: i64,
    /// The number of orders that were rebuilt from rows; `None` if they are not rebuilt yet.
    pub rebuilt_orders: Option<i64>,
}

/// It could not be recorded what a step misses.
#[derive(Debug, Error)]
pub enum MissedMessagesError {
    /// The stream or a consumer could not be read.
    #[error(transparent)]
    Stream(#[from] InspectError),
    /// The record could not be written.
    #[error(transparent)]
    Database(#[from] StepError),
}

/// Records that steps will miss messages. It is recorded before the messages are purged, so that a
/// crash in between only causes a rebuild that finds nothing.
pub(crate) async fn record(
    database: &Database,
    missed: &[MissedMessages],
) -> Result<(), StepError> {
    database.with_retries(async |connection| insert(connection, missed).await).await
}

/// Records what those of `steps` miss that are new to a lane: the messages that were
/// purged before a step had its durable consumer. Call it before the consumers are created.
pub async fn record_for_new_observers(
    connection: &Connection,
    database: &Database,
    steps: &[Step],
) -> Result<(), MissedMessagesError> {
    let mut missed = Vec::new();
    if !steps.iter().any(Step::is_observer) {
        return Ok(());
    }
    for lane in lanes(connection).await? {
        let first_kept = stream_state(connection, lane.stream()).await?.first_sequence;
        for step in steps.iter().filter(|step| step.is_observer()) {
            let is_new = find_lane_progress(connection, &step.events(), lane).await?.is_none();
            if is_new && first_kept > 1 {
                missed.push(MissedMessages {
                    step: step.name,
                    lane,
                    first: 1,
                    last: first_kept - 1,
                });
            }
        }
    }
    Ok(record(database, &missed).await?)
}

/// What `step` missed and has not rebuilt yet.
pub(crate) async fn pending(
    database: &Database,
    step: &Step,
) -> Result<Vec<MissedReport>, DatabaseError> {
    let connection = database.connection().await?;
    let select = connection
        .prepare_cached(
            "SELECT step, stream, first_sequence, last_sequence, rebuilt_orders
             FROM workers.missed_messages WHERE step = $1 AND rebuilt_at IS NULL",
        )
        .await?;
    connection.query(&select, &[&step.name]).await?.iter().map(read).collect()
}

/// Everything that was ever missed, oldest first.
pub async fn reports(database: &Database) -> Result<Vec<MissedReport>, DatabaseError> {
    let connection = database.connection().await?;
    let select = "SELECT step, stream, first_sequence, last_sequence, rebuilt_orders
         FROM workers.missed_messages ORDER BY noticed_at, step, stream, first_sequence";
    connection.query(select, &[]).await?.iter().map(read).collect()
}

/// Records that all of `missed` is rebuilt, for `orders` orders in total.
pub(crate) async fn mark_rebuilt(
    database: &Database,
    missed: &[MissedReport],
    orders: u64,
) -> Result<(), StepError> {
    let mark = async |connection: &mut Object| {
        let update = connection
            .prepare_cached(
                "UPDATE workers.missed_messages SET rebuilt_at = now(), rebuilt_orders = $4
                 WHERE step = $1 AND stream = $5 AND first_sequence = $2 AND last_sequence = $3
                     AND rebuilt_at IS NULL",
            )
            .await?;
        let mut orders = orders as i64;
        for MissedReport { step, stream, first, last, .. } in missed {
            connection.execute(&update, &[step, first, last, &orders, stream]).await?;
            // One rebuild covers all of them; its orders count once.
            orders = 0;
        }
        Ok(())
    };
    database.with_retries(mark).await
}

async fn insert(connection: &Object, missed: &[MissedMessages]) -> Result<(), DatabaseError> {
    let insert = connection
        .prepare_cached(
            "INSERT INTO workers.missed_messages (step, stream, first_sequence, last_sequence)
             VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        )
        .await?;
    for MissedMessages { step, lane, first, last } in missed {
        let (stream, first, last) = (lane.stream(), *first as i64, *last as i64);
        connection.execute(&insert, &[step, &stream, &first, &last]).await?;
    }
    Ok(())
}

fn read(row: &Row) -> Result<MissedReport, DatabaseError> {
    Ok(MissedReport {
        step: row.try_get("step")?,
        stream: row.try_get("stream")?,
        first: row.try_get("first_sequence")?,
        last: row.try_get("last_sequence")?,
        rebuilt_orders: row.try_get("rebuilt_orders")?,
    })
}
