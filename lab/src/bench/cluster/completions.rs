//! When orders were completed, by the times stored in the rows. Exact only after a drain.

use anyhow::Result;

use super::BenchCluster;

impl BenchCluster {
    /// The number of orders completed from `from` until `to`, in milliseconds since 1970. Exact
    /// only after a drain.
    pub(in super::super) async fn completed_between(&self, from: i64, to: i64) -> Result<u64> {
        let connection = self.sources.database.connection().await?;
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

    /// When the last order was completed, in milliseconds since 1970.
    pub(in super::super) async fn last_completion(&self) -> Result<i64> {
        let connection = self.sources.database.connection().await?;
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
