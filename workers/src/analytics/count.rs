//! Count: adds each fulfilled order to the sales of its minute, once.
//!
//! The lines are those of the `created` event that inventory decided on: its row keeps them, so that of
//! two bodies under one key the right one is counted, in whatever sequence the events arrive.

use std::time::SystemTime;

use deadpool_postgres::Object;
use orders::EventBody;
use uuid::Uuid;

use crate::database::{Database, DatabaseError};
use crate::step_input::{StepError, StepInput, StepOutcome};

/// A fulfilled order, and when it was fulfilled.
pub(super) type FulfilledOrder = (Uuid, SystemTime);

/// Counts each order, or finds that it was counted.
pub(super) async fn count(
    database: &Database,
    inputs: &[StepInput],
) -> Result<Vec<StepOutcome>, StepError> {
    let fulfilled = |input: &StepInput| {
        let is_fulfilled = matches!(input.event.body, EventBody::Fulfilled { .. });
        is_fulfilled.then(|| (input.row_id(), input.event.at.into()))
    };
    let orders: Vec<FulfilledOrder> = inputs.iter().filter_map(fulfilled).collect();
    database.with_retries(async |connection| add(connection, &orders).await).await?;
    Ok(inputs.iter().map(|_| StepOutcome::Completed(Vec::new())).collect())
}

/// Adds those of `orders` that are not counted yet to the sales. Returns their number. One
/// statement: an order and its sums commit together.
pub(super) async fn add(
    connection: &Object,
    orders: &[FulfilledOrder],
) -> Result<u64, DatabaseError> {
    let statement = connection
        .prepare_cached(
            "WITH new AS (
                 INSERT INTO analytics.counted_orders (order_id, fulfilled_at, country)
                 SELECT id, at, coalesce(country, '')
                 FROM unnest($1::uuid[], $2::timestamptz[]) AS fulfilled (id, at)
                 LEFT JOIN inventory.order_countries ON order_id = id ORDER BY id
                 ON CONFLICT DO NOTHING RETURNING order_id, fulfilled_at, country),
             lines AS (
                 SELECT date_trunc('minute', fulfilled_at, 'UTC') AS minute, country, sku, currency,
                     order_id, quantity, quantity * unit_price AS revenue
                 FROM new JOIN inventory.placed_orders USING (order_id)
                 CROSS JOIN LATERAL json_to_recordset(lines)
                     AS line (sku text, quantity bigint, unit_price bigint)),
             sold AS (
                 SELECT minute, sku, currency, count(DISTINCT order_id) AS orders,
                     sum(quantity)::bigint AS units, sum(revenue) AS revenue
                 FROM lines GROUP BY 1, 2, 3),
             sold_to AS (
                 SELECT minute, country, currency, count(DISTINCT order_id) AS orders,
                     sum(quantity)::bigint AS units, sum(revenue) AS revenue
                 FROM lines GROUP BY 1, 2, 3),
             added AS (
                 INSERT INTO analytics.sales AS sales (minute, sku, currency, orders, units, revenue)
                 -- Sorted, so that workers do not deadlock.
                 SELECT * FROM sold ORDER BY minute, sku, currency
                 ON CONFLICT (minute, sku, currency) DO UPDATE
                 SET orders = sales.orders + excluded.orders, units = sales.units + excluded.units,
                     revenue = sales.revenue + excluded.revenue),
             added_to AS (
                 INSERT INTO analytics.country_sales AS sales
                     (minute, country, currency, orders, units, revenue)
                 SELECT * FROM sold_to ORDER BY minute, country, currency
                 ON CONFLICT (minute, country, currency) DO UPDATE
                 SET orders = sales.orders + excluded.orders, units = sales.units + excluded.units,
                     revenue = sales.revenue + excluded.revenue)
             SELECT count(*) FROM new",
        )
        .await?;
    let (ids, times): (Vec<Uuid>, Vec<SystemTime>) = orders.iter().copied().unzip();
    let row = connection.query_one(&statement, &[&ids, &times]).await?;
    Ok(row.try_get::<_, i64>(0)? as u64)
}
