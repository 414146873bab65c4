//! The cursor of the sweep: the reservation up to which each one is known to be paid in time or asked
//! to be cancelled, so that it is never read again.
//!
//! A reservation has the time at which its transaction began, and is seen once that is committed. So
//! the cursor passes none that is younger than the longest transaction; those are read again by each
//! sweep. With the usual payment timeout there are none, since whatever has expired is older.
//!
//! The database's clock may go back, as after a failover. New reservations would then lie behind the
//! cursor, so it moves back to where it would be by the clock of now.

use std::time::SystemTime;

use deadpool_postgres::Object;
use uuid::Uuid;

use crate::database::DatabaseError;
use crate::limits::SWEEP_SLACK;

/// A position among the reservations, which are sorted by time and id.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor {
    pub(super) decided_at: SystemTime,
    pub(super) id: Uuid,
}

/// Where the sweep begins.
pub(super) async fn start(
    connection: &Object,
    expired_at: SystemTime,
) -> Result<Cursor, DatabaseError> {
    move_back(connection, expired_at).await?;
    let select =
        connection.prepare_cached("SELECT decided_at, order_id FROM inventory.sweep").await?;
    let row = connection.query_one(&select, &[]).await?;
    Ok(Cursor { decided_at: row.try_get(0)?, id: row.try_get(1)? })
}

/// Moves the stored cursor forward to `passed`.
pub(super) async fn advance(connection: &Object, passed: &Cursor) -> Result<(), DatabaseError> {
    let update = connection
        .prepare_cached(
            "UPDATE inventory.sweep SET decided_at = $1, order_id = $2
             WHERE (decided_at, order_id) < ($1, $2)",
        )
        .await?;
    connection.execute(&update, &[&passed.decided_at, &passed.id]).await?;
    Ok(())
}

/// Moves a cursor back that is younger than any may be.
async fn move_back(connection: &Object, expired_at: SystemTime) -> Result<(), DatabaseError> {
    let update = connection
        .prepare_cached(
            "UPDATE inventory.sweep SET decided_at = least($2, now() - make_interval(secs => $1))
             WHERE decided_at > now() - make_interval(secs => $1)",
        )
        .await?;
    let slack = SWEEP_SLACK.as_secs_f64();
    if connection.execute(&update, &[&slack, &expired_at]).await? > 0 {
        tracing::warn!("expiry sweep moved back: the database's clock was ahead before");
    }
    Ok(())
}
