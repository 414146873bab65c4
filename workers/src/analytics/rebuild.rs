//! Rebuild: counts the shipped orders whose events analytics missed.

use std::time::SystemTime;

use deadpool_postgres::Object;
use uuid::Uuid;

use super::count::{FulfilledOrder, add};
use crate::database::{Database, DatabaseError};
use crate::observer::RebuiltPage;
use crate::step_input::StepError;

/// Counts those of the next `size` shipped orders that are not counted yet.
pub(super) async fn rebuild_page(
    database: &Database,
    after: Uuid,
    size: i64,
) -> Result<Option<RebuiltPage>, StepError> {
    let page =
        database.with_retries(async |connection| page(connection, after, size).await).await?;
    let Some((last, _, _)) = page.last() else { return Ok(None) };
    let missed = page.iter().filter(|(_, _, is_counted)| !is_counted);
    let orders: Vec<FulfilledOrder> = missed.map(|(id, at, _)| (*id, *at)).collect();
    let rebuilt_orders =
        database.with_retries(async |connection| add(connection, &orders).await).await?;
    Ok(Some(RebuiltPage { last: *last, rebuilt_orders }))
}

/// The next shipped orders by id, and whether each is counted.
async fn page(
    connection: &Object,
    after: Uuid,
    size: i64,
) -> Result<Vec<(Uuid, SystemTime, bool)>, DatabaseError> {
    let select = connection
        .prepare_cached(
            "SELECT order_id, shipped_at, counted.order_id IS NOT NULL
             FROM (SELECT order_id, shipped_at FROM fulfilment.shipped_orders WHERE order_id > $1
                 ORDER BY order_id LIMIT $2) AS shipped
             LEFT JOIN analytics.counted_orders AS counted USING (order_id) ORDER BY order_id",
        )
        .await?;
    let rows = connection.query(&select, &[&after, &size]).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))).collect()
}
