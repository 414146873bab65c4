//! Orders that cannot be shipped because of the SKUs on their lines. The lines are stored in the
//! reservation, and are read only if a rule is configured.

use std::collections::BTreeSet;

use deadpool_postgres::Object;
use orders::{OrderLine, Sku};
use tokio_postgres::types::Json;
use uuid::Uuid;

use super::shipment_row::Requests;
use crate::database::DatabaseError;

/// The orders with SKUs that start with `prefix`, and these SKUs in order.
pub(super) async fn unshippable_orders(
    connection: &Object,
    prefix: &str,
    requests: &Requests,
) -> Result<Vec<(Uuid, Vec<Sku>)>, DatabaseError> {
    let select = connection
        .prepare_cached(
            "SELECT order_id, lines FROM inventory.placed_orders WHERE order_id = ANY($1)",
        )
        .await?;
    let ids: Vec<&Uuid> = requests.keys().collect();
    let mut unshippable = Vec::new();
    for row in connection.query(&select, &[&ids]).await? {
        let Json(lines) = row.try_get::<_, Json<Vec<OrderLine>>>("lines")?;
        let skus = lines.into_iter().map(|line| line.sku);
        let skus: BTreeSet<Sku> = skus.filter(|sku| sku.as_str().starts_with(prefix)).collect();
        if !skus.is_empty() {
            unshippable.push((row.try_get("order_id")?, skus.into_iter().collect()));
        }
    }
    Ok(unshippable)
}
