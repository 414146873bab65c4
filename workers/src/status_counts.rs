//! Counts of orders by status, for progress output and tests.

use std::collections::BTreeMap;

use crate::database::{Database, DatabaseError};

/// Numbers of orders by status. An order counts in every status that it has reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StatusCounts {
    /// Orders that stock was reserved for.
    pub reserved: u64,
    /// Orders that no stock was reserved for. Terminal.
    pub rejected: u64,
    /// Orders that were charged.
    pub paid: u64,
    /// Orders with a booked shipment. Terminal.
    pub fulfilled: u64,
    /// Orders whose stock was released. Terminal.
    pub cancelled: u64,
}

impl StatusCounts {
    /// Orders in a terminal state.
    pub const fn finals(&self) -> u64 {
        self.rejected + self.fulfilled + self.cancelled
    }
}

/// Counts all orders.
pub async fn status_counts(database: &Database) -> Result<StatusCounts, DatabaseError> {
    let connection = database.connection().await?;
    let count_by_state = async |sql| {
        let mut counts = BTreeMap::new();
        for row in connection.query(sql, &[]).await? {
            counts.insert(row.try_get::<_, String>(0)?, row.try_get::<_, i64>(1)? as u64);
        }
        Ok::<_, DatabaseError>(counts)
    };
    let reservations =
        count_by_state("SELECT state, count(*) FROM inventory.reservations GROUP BY state").await?;
    let payments =
        count_by_state("SELECT state, count(*) FROM payment.payments GROUP BY state").await?;
    let shipments =
        count_by_state("SELECT state, count(*) FROM fulfilment.shipments GROUP BY state").await?;
    let sum = |counts: &BTreeMap<String, u64>, states: &[&str]| {
        states.iter().filter_map(|state| counts.get(*state)).sum()
    };
    Ok(StatusCounts {
        reserved: sum(&reservations, &["reserved", "released"]),
        rejected: sum(&reservations, &["rejected"]),
        paid: sum(&payments, &["paid", "refunded"]),
        fulfilled: sum(&shipments, &["shipped"]),
        cancelled: sum(&reservations, &["released", "barred"]),
    })
}
