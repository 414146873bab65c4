//! The one row by which an order is shipped or withdrawn: the first write wins, permanently.

use std::collections::{BTreeMap, HashMap};
use std::time::SystemTime;

use deadpool_postgres::Object;
use orders::CancelReason;
use tokio_postgres::Row;
use tokio_postgres::types::Json;
use uuid::Uuid;

use super::decision::ShipmentDecision;
use crate::copies::Written;
use crate::database::DatabaseError;

/// What is requested for each order. Sorted by id: every worker writes its rows in this order, so that
/// workers do not deadlock.
pub(super) type Requests = BTreeMap<Uuid, Request>;

/// A request to ship an order or to withdraw it.
pub(super) struct Request {
    /// The reason to withdraw it; `None` to ship it.
    pub(super) reason: Option<CancelReason>,
    pub(super) written: Written,
}

/// The row of each order.
pub(super) type ShipmentRows = HashMap<Uuid, ShipmentRow>;

/// The row of one order.
pub(super) struct ShipmentRow {
    pub(super) decision: ShipmentDecision,
    pub(super) decided_at: SystemTime,
    pub(super) written: Written,
}

/// Decides the orders that are not decided yet, and returns the rows of all. Rows that this call
/// inserts are returned by the insert; only rows that existed before are read.
pub(super) async fn decide(
    connection: &Object,
    requests: &Requests,
) -> Result<ShipmentRows, DatabaseError> {
    let insert = connection
        .prepare_cached(
            "INSERT INTO fulfilment.shipments
                 (order_id, state, shipment, reason, decided_at, written_by)
             SELECT id, CASE WHEN reason IS NULL THEN 'shipped' ELSE 'withdrawn' END,
                 CASE WHEN reason IS NULL THEN 'shp_' || replace(id::text, '-', '') END, reason, now(),
                 written_by
             FROM unnest($1::uuid[], $2::json[], $3::text[]) AS wanted (id, reason, written_by)
             ON CONFLICT DO NOTHING
             RETURNING order_id, shipment, reason, decided_at, written_by, now() AS read_at",
        )
        .await?;
    let ids: Vec<&Uuid> = requests.keys().collect();
    let reasons: Vec<_> = requests.values().map(|it| it.reason.as_ref().map(Json)).collect();
    let writers: Vec<_> = requests.values().map(|it| it.written.by.as_deref()).collect();
    let written = connection.query(&insert, &[&ids, &reasons, &writers]).await?;
    let mut rows: ShipmentRows = written.iter().map(parse).collect::<Result<_, _>>()?;
    let is_missing = |id: &&&Uuid| !rows.contains_key(id);
    let existing: Vec<Uuid> = ids.iter().filter(is_missing).map(|id| **id).collect();
    if !existing.is_empty() {
        rows.extend(read(connection, &existing).await?);
    }
    Ok(rows)
}

/// The rows of those orders that have one.
pub(super) async fn read(connection: &Object, ids: &[Uuid]) -> Result<ShipmentRows, DatabaseError> {
    let select = connection
        .prepare_cached(
            "SELECT order_id, shipment, reason, decided_at, written_by, now() AS read_at
             FROM fulfilment.shipments WHERE order_id = ANY($1)",
        )
        .await?;
    connection.query(&select, &[&ids]).await?.iter().map(parse).collect()
}

fn parse(row: &Row) -> Result<(Uuid, ShipmentRow), DatabaseError> {
    let decision = match row.try_get("shipment")? {
        Some(shipment) => ShipmentDecision::Shipped(shipment),
        None => ShipmentDecision::Withdrawn(row.try_get::<_, Json<_>>("reason")?.0),
    };
    let decided_at = row.try_get("decided_at")?;
    let written = Written::read(row.try_get("written_by")?, decided_at, row.try_get("read_at")?);
    Ok((row.try_get("order_id")?, ShipmentRow { decision, decided_at, written }))
}
