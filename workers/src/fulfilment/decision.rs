//! The one row by which an order is shipped or withdrawn: the first decision stands for good.

use std::collections::{BTreeMap, HashMap};
use std::time::SystemTime;

use deadpool_postgres::Object;
use orders::CancelReason;
use tokio_postgres::Row;
use tokio_postgres::types::Json;
use uuid::Uuid;

use crate::database::DatabaseError;
use crate::task::now;

/// Why each order is to be withdrawn; `None` for one that is to be shipped. In the order of their
/// ids, in which every worker writes its rows, so that none waits for another in a circle.
pub(super) type Wanted = BTreeMap<Uuid, Option<CancelReason>>;

/// What is decided about each order, and since when.
pub(super) type Rows = HashMap<Uuid, (Decided, SystemTime)>;

#[derive(Debug)]
pub(super) enum Decided {
    /// The shipment's number.
    Shipped(String),
    Withdrawn(CancelReason),
}

/// Decides about the orders that are not decided yet, and gives the rows of all: what was written is
/// known, and only what was decided before is read.
pub(super) async fn decide(connection: &Object, wanted: &Wanted) -> Result<Rows, DatabaseError> {
    let insert = connection
        .prepare_cached(
            "INSERT INTO fulfilment.shipments (order_id, state, shipment, reason, decided_at)
             SELECT id, CASE WHEN reason IS NULL THEN 'shipped' ELSE 'withdrawn' END,
                 CASE WHEN reason IS NULL THEN 'shp_' || replace(id::text, '-', '') END, reason, $3
             FROM unnest($1::uuid[], $2::json[]) AS wanted (id, reason)
             ON CONFLICT DO NOTHING RETURNING order_id, shipment, reason, decided_at",
        )
        .await?;
    let ids: Vec<&Uuid> = wanted.keys().collect();
    let reasons: Vec<_> = wanted.values().map(|reason| reason.as_ref().map(Json)).collect();
    let written = connection.query(&insert, &[&ids, &reasons, &now()]).await?;
    let mut rows: Rows = written.iter().map(read).collect::<Result<_, _>>()?;
    let before: Vec<&Uuid> = ids.into_iter().filter(|id| !rows.contains_key(id)).collect();
    if !before.is_empty() {
        let select = connection
            .prepare_cached(
                "SELECT order_id, shipment, reason, decided_at FROM fulfilment.shipments
                 WHERE order_id = ANY($1)",
            )
            .await?;
        for row in connection.query(&select, &[&before]).await? {
            rows.extend([read(&row)?]);
        }
    }
    Ok(rows)
}

fn read(row: &Row) -> Result<(Uuid, (Decided, SystemTime)), DatabaseError> {
    let decided = match row.try_get("shipment")? {
        Some(shipment) => Decided::Shipped(shipment),
        None => Decided::Withdrawn(row.try_get::<_, Json<_>>("reason")?.0),
    };
    Ok((row.try_get("order_id")?, (decided, row.try_get("decided_at")?)))
}
