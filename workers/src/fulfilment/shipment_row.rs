//! The one row by which an order is shipped or withdrawn: the first write wins, permanently.

use std::collections::{BTreeMap, HashMap};
use std::time::SystemTime;

use deadpool_postgres::Object;
use orders::CancelReason;
use tokio_postgres::Row;
use tokio_postgres::types::Json;
use uuid::Uuid;

use super::decision::ShipmentDecision;
use crate::database::DatabaseError;

/// The reason to withdraw each order; `None` to ship it. Sorted by id: every worker writes its rows
/// in this order, so that workers do not deadlock.
pub(super) type Requests = BTreeMap<Uuid, Option<CancelReason>>;

/// The decision about each order, and the time of the decision.
pub(super) type ShipmentRows = HashMap<Uuid, (ShipmentDecision, SystemTime)>;

/// Decides the orders that are not decided yet, and returns the rows of all. Rows that this call
/// inserts are returned by the insert; only rows that existed before are read.
pub(super) async fn decide(
    connection: &Object,
    requests: &Requests,
) -> Result<ShipmentRows, DatabaseError> {
    let insert = connection
        .prepare_cached(
            "INSERT INTO fulfilment.shipments (order_id, state, shipment, reason, decided_at)
             SELECT id, CASE WHEN reason IS NULL THEN 'shipped' ELSE 'withdrawn' END,
                 CASE WHEN reason IS NULL THEN 'shp_' || replace(id::text, '-', '') END, reason, now()
             FROM unnest($1::uuid[], $2::json[]) AS wanted (id, reason)
             ON CONFLICT DO NOTHING RETURNING order_id, shipment, reason, decided_at",
        )
        .await?;
    let ids: Vec<&Uuid> = requests.keys().collect();
    let reasons: Vec<_> = requests.values().map(|reason| reason.as_ref().map(Json)).collect();
    let written = connection.query(&insert, &[&ids, &reasons]).await?;
    let mut rows: ShipmentRows = written.iter().map(read).collect::<Result<_, _>>()?;
    let existing: Vec<&Uuid> = ids.into_iter().filter(|id| !rows.contains_key(id)).collect();
    if !existing.is_empty() {
        let select = connection
            .prepare_cached(
                "SELECT order_id, shipment, reason, decided_at FROM fulfilment.shipments
                 WHERE order_id = ANY($1)",
            )
            .await?;
        for row in connection.query(&select, &[&existing]).await? {
            rows.extend([read(&row)?]);
        }
    }
    Ok(rows)
}

fn read(row: &Row) -> Result<(Uuid, (ShipmentDecision, SystemTime)), DatabaseError> {
    let decision = match row.try_get("shipment")? {
        Some(shipment) => ShipmentDecision::Shipped(shipment),
        None => ShipmentDecision::Withdrawn(row.try_get::<_, Json<_>>("reason")?.0),
    };
    Ok((row.try_get("order_id")?, (decision, row.try_get("decided_at")?)))
}
