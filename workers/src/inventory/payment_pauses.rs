//! Writes down when payment is paused: reservations do not expire in that time. Any number of workers may do so, and
//! one that cannot read the setting ends no pause that others see.

use deadpool_postgres::Object;

use crate::database::DatabaseError;
use crate::limits::PAUSE_OVER_AFTER;

/// Payment is paused now, and has been since it was last seen to be.
pub(super) async fn note(connection: &Object) -> Result<(), DatabaseError> {
    let update = connection
        .prepare_cached(
            "UPDATE inventory.payment_pauses SET seen_at = greatest(seen_at, now()) WHERE NOT is_over",
        )
        .await?;
    if connection.execute(&update, &[]).await? == 0 {
        let insert = "INSERT INTO inventory.payment_pauses (began_at, seen_at)
                          VALUES (now(), now()) ON CONFLICT DO NOTHING";
        let insert = connection.prepare_cached(insert).await?;
        connection.execute(&insert, &[]).await?;
    }
    Ok(())
}

/// This worker sees no pause: the one that is written down is over unless another worker has seen it within the last
/// seconds. Returns whether it is not.
pub(super) async fn is_seen_by_others(connection: &Object) -> Result<bool, DatabaseError> {
    let update = connection
        .prepare_cached(
            "UPDATE inventory.payment_pauses SET is_over = true
             WHERE NOT is_over AND seen_at < now() - make_interval(secs => $1)",
        )
        .await?;
    connection.execute(&update, &[&PAUSE_OVER_AFTER.as_secs_f64()]).await?;
    let select = "SELECT EXISTS (SELECT FROM inventory.payment_pauses WHERE NOT is_over)";
    let select = connection.prepare_cached(select).await?;
    Ok(connection.query_one(&select, &[]).await?.try_get(0)?)
}
