//! How many orders stand where: for the line of progress, and for the audit's sums.

use std::collections::BTreeMap;

use crate::database::{Database, DatabaseError};

/// Orders by what has happened to them. An order counts in every number that it has reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StatusCounts {
    /// Stock was held for them.
    pub reserved: u64,
    /// Nothing was held for them. Final.
    pub rejected: u64,
    /// Their money was taken.
    pub paid: u64,
    /// Their shipment is booked. Final.
    pub fulfilled: u64,
    /// Their stock went back. Final.
    pub cancelled: u64,
}

impl StatusCounts {
    /// Orders that nothing can happen to any more.
    pub const fn finals(&self) -> u64 {
        self.rejected + self.fulfilled + self.cancelled
    }
}

/// Counts all orders.
pub async fn status_counts(database: &Database) -> Result<StatusCounts, DatabaseError> {
    let connection = database.connection().await?;
    let counted = async |sql| {
        let mut counts = BTreeMap::new();
        for row in connection.query(sql, &[]).await? {
            counts.insert(row.try_get::<_, String>(0)?, row.try_get::<_, i64>(1)? as u64);
        }
        Ok::<_, DatabaseError>(counts)
    };
    let reservations =
        counted("SELECT state, count(*) FROM inventory.reservations GROUP BY state").await?;
    let payments = counted("SELECT state, count(*) FROM payment.payments GROUP BY state").await?;
    let shipments =
        counted("SELECT state, count(*) FROM fulfilment.shipments GROUP BY state").await?;
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
