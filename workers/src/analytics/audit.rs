//! The audit of analytics: the sales are what the orders add up to.

use crate::database::{Database, DatabaseError};
use crate::observer::{AuditScope, Discrepancy};

/// Compares the sales to each country with the orders that are counted, but for those that a version before
/// countries has counted.
const BY_COUNTRY: &str = "WITH expected AS (
         SELECT date_trunc('minute', fulfilled_at, 'UTC') AS minute, country, currency,
             count(DISTINCT order_id) AS orders, sum(quantity)::bigint AS units,
             sum(quantity * unit_price) AS revenue
         FROM analytics.counted_orders JOIN inventory.placed_orders USING (order_id)
         CROSS JOIN LATERAL json_to_recordset(lines)
             AS line (sku text, quantity bigint, unit_price bigint)
         WHERE country IS NOT NULL GROUP BY 1, 2, 3)
     SELECT 'country ' || country,
         to_char(minute AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI\"Z\"'),
         coalesce(expected.units, 0), coalesce(sales.units, 0),
         coalesce(expected.revenue, 0)::text, coalesce(sales.revenue, 0)::text, currency
     FROM expected FULL JOIN analytics.country_sales AS sales USING (minute, country, currency)
     WHERE (expected.orders, expected.units, expected.revenue)
         IS DISTINCT FROM (sales.orders, sales.units, sales.revenue)
     ORDER BY minute, country LIMIT $1";

/// Compares the sales with the orders that are counted, or with all that are shipped if
/// the scope is complete. Both are read in one snapshot, so no order is between them.
pub(super) async fn audit(
    database: &Database,
    scope: AuditScope,
) -> Result<Vec<Discrepancy>, DatabaseError> {
    let orders = if scope.is_complete {
        "SELECT order_id, shipped_at AS fulfilled_at FROM fulfilment.shipped_orders"
    } else {
        "SELECT order_id, fulfilled_at FROM analytics.counted_orders"
    };
    let mut connection = database.connection().await?;
    let transaction = connection.transaction().await?;
    // Reading every line of every order may take longer than the session's limit for a statement.
    transaction
        .batch_execute("SET LOCAL statement_timeout = '10min'; SET LOCAL enable_hashjoin = on")
        .await?;
    let sql = format!(
        "WITH orders AS ({orders}),
         expected AS (
             SELECT date_trunc('minute', fulfilled_at, 'UTC') AS minute, sku, currency,
                 count(DISTINCT order_id) AS orders, sum(quantity)::bigint AS units,
                 sum(quantity * unit_price) AS revenue
             FROM orders JOIN inventory.placed_orders USING (order_id)
             CROSS JOIN LATERAL json_to_recordset(lines)
                 AS line (sku text, quantity bigint, unit_price bigint)
             GROUP BY 1, 2, 3)
         SELECT sku, to_char(minute AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI\"Z\"'),
             coalesce(expected.units, 0), coalesce(sales.units, 0),
             coalesce(expected.revenue, 0)::text, coalesce(sales.revenue, 0)::text, currency
         FROM expected FULL JOIN analytics.sales USING (minute, sku, currency)
         WHERE (expected.orders, expected.units, expected.revenue)
             IS DISTINCT FROM (sales.orders, sales.units, sales.revenue)
         ORDER BY minute, sku LIMIT $1"
    );
    let mut rows = transaction.query(&sql, &[&scope.discrepancies_max]).await?;
    rows.extend(transaction.query(BY_COUNTRY, &[&scope.discrepancies_max]).await?);
    let discrepancies = rows.iter().map(|row| {
        let [expected_units, units]: [i64; 2] = [row.try_get(2)?, row.try_get(3)?];
        let [expected_revenue, revenue]: [&str; 2] = [row.try_get(4)?, row.try_get(5)?];
        let (minute, currency): (&str, &str) = (row.try_get(1)?, row.try_get(6)?);
        let detail = format!(
            "{units} units for {revenue} {currency} are counted at {minute}, the orders add up to \
             {expected_units} for {expected_revenue}"
        );
        Ok(Discrepancy { subject: row.try_get(0)?, detail })
    });
    discrepancies.collect()
}
