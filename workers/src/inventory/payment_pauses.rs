//! Writes down when payment is paused: reservations do not expire in that time. Any number of workers may do so.

use deadpool_postgres::Object;

use crate::database::DatabaseError;

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

/// Payment is not paused any more.
pub(super) async fn end(connection: &Object) -> Result<(), DatabaseError> {
    let update = "UPDATE inventory.payment_pauses SET is_over = true WHERE NOT is_over";
    let update = connection.prepare_cached(update).await?;
    connection.execute(&update, &[]).await?;
    Ok(())
}
