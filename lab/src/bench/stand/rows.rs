//! When orders came to their end, by the rows' own times. True once they have drained.

use anyhow::Result;

use super::Stand;

impl Stand {
    /// Orders that came to an end from `from` until `to`, in milliseconds since 1970. True once they
    /// have drained.
    pub(in super::super) async fn ended_between(&self, from: i64, to: i64) -> Result<u64> {
        let connection = self.books.database.connection().await?;
        let row = connection
            .query_one(
                "SELECT (SELECT count(*) FROM fulfilment.shipments
                         WHERE decided_at >= to_timestamp($1) AND decided_at < to_timestamp($2))
                      + (SELECT count(*) FROM inventory.reservations WHERE state = 'rejected'
                         AND decided_at >= to_timestamp($1) AND decided_at < to_timestamp($2))",
                &[&(from as f64 / 1_000.0), &(to as f64 / 1_000.0)],
            )
            .await?;
        Ok(row.try_get::<_, i64>(0)? as u64)
    }

    /// When the last order came to its end, in milliseconds since 1970.
    pub(in super::super) async fn last_end(&self) -> Result<i64> {
        let connection = self.books.database.connection().await?;
        let row = connection
            .query_one(
                "SELECT coalesce(extract(epoch FROM greatest(
                     (SELECT max(decided_at) FROM fulfilment.shipments),
                     (SELECT max(decided_at) FROM inventory.reservations
                      WHERE state = 'rejected'))), 0)::float8",
                &[],
            )
            .await?;
        Ok((row.try_get::<_, f64>(0)? * 1_000.0) as i64)
    }
}
