//! Stock balance: for each SKU, on hand + reserved + sold must equal the quantity loaded. What is
//! shipped is sold, whatever its reservation says.

use crate::database::{Database, DatabaseError};

/// A SKU whose quantities do not balance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockImbalance {
    /// The SKU.
    pub sku: String,
    /// Total quantity ever loaded.
    pub loaded: i64,
    /// Quantity that can be ordered.
    pub on_hand: i64,
    /// Quantity held for orders that are not shipped.
    pub reserved: i64,
    /// Quantity shipped.
    pub sold: i64,
}

impl StockImbalance {
    /// Whether more is reserved and sold than was loaded.
    pub const fn is_oversold(&self) -> bool {
        self.reserved + self.sold > self.loaded
    }
}

/// Every SKU whose quantities do not balance, in one snapshot.
pub async fn stock_imbalances(database: &Database) -> Result<Vec<StockImbalance>, DatabaseError> {
    let mut connection = database.connection().await?;
    let transaction = connection.transaction().await?;
    // Reading every line of every order may take longer than the session's limit for a statement.
    transaction.batch_execute("SET LOCAL statement_timeout = '10min'").await?;
    let rows = transaction
        .query(
            "WITH held AS (
                 SELECT line.sku,
                     coalesce(sum(line.quantity) FILTER (WHERE shipped_at IS NOT NULL), 0) AS sold,
                     coalesce(sum(line.quantity) FILTER (WHERE shipped_at IS NULL), 0) AS reserved
                 FROM inventory.reservations
                 CROSS JOIN LATERAL json_to_recordset(lines) AS line (sku text, quantity bigint)
                 LEFT JOIN fulfilment.shipped_orders USING (order_id)
                 WHERE reservations.state = 'reserved' OR shipped_at IS NOT NULL
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
    let imbalances = rows.iter().map(|row| {
        Ok(StockImbalance {
            sku: row.try_get(0)?,
            loaded: row.try_get(1)?,
            on_hand: row.try_get(2)?,
            reserved: row.try_get(3)?,
            sold: row.try_get(4)?,
        })
    });
    imbalances.collect()
}
