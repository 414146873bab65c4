//! Counts of orders by status, for progress output and tests.

use std::collections::BTreeMap;

use orders::Status;

use crate::database::{Database, DatabaseError};
use crate::order_view::order_rows;

/// Numbers of orders by status. An order counts in every status that it has reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatusCounts(BTreeMap<Status, u64>);

impl StatusCounts {
    /// Orders that have reached `status`.
    pub fn reached(&self, status: Status) -> u64 {
        self.0.get(&status).copied().unwrap_or_default()
    }

    /// Orders in a final state.
    pub fn finals(&self) -> u64 {
        self.0.iter().filter(|(status, _)| status.is_final()).map(|(_, orders)| orders).sum()
    }
}

/// Counts all orders.
pub async fn status_counts(database: &Database) -> Result<StatusCounts, DatabaseError> {
    let connection = database.connection().await?;
    let mut counts = StatusCounts::default();
    for (_, rows) in order_rows() {
        // An event whose time is null has not happened.
        let columns = rows.time_columns().into_iter();
        let columns: Vec<_> = columns.map(|name| format!("count({name}) AS {name}")).collect();
        let columns = columns.join(", ");
        let sql = format!("SELECT state, {columns} FROM {} GROUP BY state", rows.view);
        for row in connection.query(&sql, &[]).await? {
            let name = row.try_get("state")?;
            let state =
                rows.state(name).ok_or_else(|| DatabaseError::unknown_state(rows.view, name))?;
            for (kind, column) in state.events {
                let orders: i64 = row.try_get(column)?;
                *counts.0.entry(Status::Accepted.after(*kind)).or_default() += orders as u64;
            }
        }
    }
    Ok(counts)
}
