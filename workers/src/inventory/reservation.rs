//! The row of a reservation, and the outcome that it records.

use std::time::SystemTime;

use orders::{BodyDigest, CancelReason, Event, EventBody, OrderLine, Rejection};
use tokio_postgres::Row;
use tokio_postgres::types::Json;
use uuid::Uuid;

use crate::database::DatabaseError;
use crate::step_input::order_id;

/// Inventory's decision about an order.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Decision {
    Reserved,
    Rejected(Rejection),
    Released(CancelReason, SystemTime),
    /// Withdrawn before inventory processed it: a tombstone that prevents the reservation.
    Voided(CancelReason),
}

/// The row of one order.
#[derive(Debug, Clone)]
pub(super) struct Reservation {
    pub(super) id: Uuid,
    pub(super) decision: Decision,
    pub(super) digest: Option<BodyDigest>,
    pub(super) decided_at: SystemTime,
}

pub(super) const COLUMNS: &str = "order_id, state, digest, reason, decided_at, released_at";

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
        Ok(Self {
            id: row.try_get("order_id")?,
            decision,
            digest: digest.and_then(|digest| digest.try_into().ok()).map(BodyDigest::from_bytes),
            decided_at: row.try_get("decided_at")?,
        })
    }

    /// The tombstone of an order that is withdrawn before inventory processed it.
    pub(super) fn voided(id: Uuid, reason: &CancelReason, at: SystemTime) -> Self {
        let decision = Decision::Voided(reason.clone());
        Self { id, decision, digest: None, decided_at: at }
    }

    /// The event `cancelled` of an order whose stock is released, or never will be reserved.
    pub(super) fn cancelled(&self) -> Option<Event> {
        let (reason, at) = match &self.decision {
            Decision::Released(reason, at) => (reason.clone(), *at),
            Decision::Voided(reason) => (reason.clone(), self.decided_at),
            Decision::Reserved | Decision::Rejected(_) => return None,
        };
        let body = EventBody::Cancelled { reason };
        Some(Event { order_id: order_id(self.id), at: at.into(), body })
    }
}

/// The total quantity of each SKU over all lines, in SKU order.
pub(super) fn quantity_by_sku<'a>(
    lines: impl IntoIterator<Item = &'a OrderLine>,
) -> std::collections::BTreeMap<&'a str, i64> {
    let mut quantities = std::collections::BTreeMap::new();
    for line in lines {
        *quantities.entry(line.sku.as_str()).or_default() += i64::from(line.quantity.get());
    }
    quantities
}
