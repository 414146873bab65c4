//! Does the stock add up? For each SKU: on hand, reserved and sold are what was put in.

use crate::database::{Database, DatabaseError};

/// A SKU whose numbers do not add up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockImbalance {
    /// Which.
    pub sku: String,
    /// All that was put in.
    pub loaded: i64,
    /// What can be ordered.
    pub on_hand: i64,
    /// What is held for orders that are not shipped.
    pub reserved: i64,
    /// What was shipped.
    pub sold: i64,
}

impl StockImbalance {
    /// Whether more was promised than there was.
    pub const fn is_oversold(&self) -> bool {
        self.reserved + self.sold > self.loaded
    }
}

/// Every SKU whose numbers do not add up, at one moment.
pub async fn stock_imbalances(database: &Database) -> Result<Vec<StockImbalance>, DatabaseError> {
    let mut connection = database.connection().await?;
    let transaction = connection.transaction().await?;
    // Reading every line of every order may take longer than the work on a set may.
    transaction.batch_execute("SET LOCAL statement_timeout = '10min'").await?;
    let rows = transaction
        .query(
            "WITH held AS (
                 SELECT line.sku,
                     coalesce(sum(line.quantity) FILTER (WHERE shipments.state = 'shipped'), 0)
                         AS sold,
                     coalesce(sum(line.quantity)
                         FILTER (WHERE shipments.state IS DISTINCT FROM 'shipped'), 0) AS reserved
                 FROM inventory.reservations
                 CROSS JOIN LATERAL json_to_recordset(lines) AS line (sku text, quantity bigint)
                 LEFT JOIN fulfilment.shipments USING (order_id)
                 WHERE reservations.state = 'reserved'
                 GROUP BY line.sku)
             SELECT sku, coalesce(loaded, 0), coalesce(on_hand, 0),
                 coalesce(reserved, 0)::bigint, coalesce(sold, 0)::bigint
             FROM inventory.stock FULL JOIN held USING (sku)
             WHERE coalesce(on_hand, 0) + coalesce(reserved, 0) + coalesce(sold, 0)
                 <> coalesce(loaded, 0)
             ORDER BY sku",
            &[],
        )
        .await?;
    let read = rows.iter().map(|row| {
        Ok(StockImbalance {
            sku: row.try_get(0)?,
            loaded: row.try_get(1)?,
            on_hand: row.try_get(2)?,
            reserved: row.try_get(3)?,
            sold: row.try_get(4)?,
        })
    });
    read.collect()
}
