//! The row of a reservation, and the outcome that it records.

use std::time::SystemTime;

use deadpool_postgres::Object;
use orders::{BodyDigest, Event, EventBody, TraceParent};
use tokio_postgres::Row;
use tokio_postgres::types::Json;
use uuid::Uuid;

use super::decision::{Decision, release_outcome};
use crate::copies::Written;
use crate::database::DatabaseError;
use crate::step_input::order_id;

/// The row of one order.
#[derive(Debug, Clone)]
pub(super) struct Reservation {
    pub(super) id: Uuid,
    pub(super) decision: Decision,
    pub(super) digest: Option<BodyDigest>,
    pub(super) decided_at: SystemTime,
    pub(super) written: Written,
    /// The trace of the request that placed the order.
    pub(super) traceparent: Option<TraceParent>,
}

pub(super) const COLUMNS: &str =
    "order_id, state, digest, reason, decided_at, released_at, written_by, now() AS read_at,
     traceparent";

/// The row of an order, if it has one.
pub(super) async fn find(
    connection: &Object,
    id: Uuid,
) -> Result<Option<Reservation>, DatabaseError> {
    let sql = format!("SELECT {COLUMNS} FROM inventory.reservations WHERE order_id = $1");
    let statement = connection.prepare_cached(&sql).await?;
    connection.query_opt(&statement, &[&id]).await?.as_ref().map(Reservation::read).transpose()
}

impl Reservation {
    /// Reads [`COLUMNS`].
    pub(super) fn read(row: &Row) -> Result<Self, DatabaseError> {
        let state: &str = row.try_get("state")?;
        let decision = match state {
            "reserved" => Decision::Reserved,
            "rejected" => Decision::Rejected(row.try_get::<_, Json<_>>("reason")?.0),
            "released" => {
                let Json(reason) = row.try_get("reason")?;
                Decision::Released(reason, row.try_get("released_at")?)
            }
            "barred" => Decision::Voided(row.try_get::<_, Json<_>>("reason")?.0),
            unknown => return Err(DatabaseError::unknown_state("inventory.reservations", unknown)),
        };
        let digest: Option<&[u8]> = row.try_get("digest")?;
        let traceparent: Option<&str> = row.try_get("traceparent")?;
        let decided_at = row.try_get("decided_at")?;
        let released_at: Option<SystemTime> = row.try_get("released_at")?;
        let written_at = released_at.unwrap_or(decided_at);
        Ok(Self {
            id: row.try_get("order_id")?,
            decision,
            digest: digest.and_then(|digest| digest.try_into().ok()).map(BodyDigest::from_bytes),
            decided_at,
            written: Written::read(row.try_get("written_by")?, written_at, row.try_get("read_at")?),
            traceparent: traceparent.and_then(|text| text.parse().ok()),
        })
    }

    /// The event by which inventory has ended the order, if it has.
    pub(super) fn ended(&self) -> Option<Event> {
        let Decision::Rejected(reason) = &self.decision else { return self.cancelled() };
        let body = EventBody::Rejected { reason: reason.clone() };
        Some(self.event(self.decided_at, body))
    }

    /// The event `cancelled` of an order whose stock is released, or never will be reserved.
    pub(super) fn cancelled(&self) -> Option<Event> {
        let body = release_outcome(&self.decision)?;
        let at = match self.decision {
            Decision::Released(_, at) => at,
            _ => self.decided_at,
        };
        Some(self.event(at, body))
    }

    /// An event of inventory about the order.
    pub(super) fn event(&self, at: SystemTime, body: EventBody) -> Event {
        let (order_id, traceparent) = (order_id(self.id), self.traceparent);
        Event { order_id, at: at.into(), body, traceparent }
    }
}
