//! Whether the database holds orders. If it does, the streams must exist: a stream that is missing
//! was lost.

use crate::database::{Database, DatabaseError};

/// Whether any order has passed inventory, the first step.
pub async fn any(database: &Database) -> Result<bool, DatabaseError> {
    let connection = database.connection().await?;
    let sql = "SELECT EXISTS (SELECT FROM inventory.order_states)";
    Ok(connection.query_one(sql, &[]).await?.try_get(0)?)
}
