//! A reservation as its row keeps it, and the outcome that the row stands for.

use std::time::SystemTime;

use orders::{BodyDigest, CancelReason, Event, EventBody, OrderLine, Rejection};
use tokio_postgres::Row;
use tokio_postgres::types::Json;
use uuid::Uuid;

use crate::database::DatabaseError;
use crate::task::order_id;

/// What inventory has decided about an order.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Decision {
    Reserved,
    Rejected(Rejection),
    Released(CancelReason, SystemTime),
    /// Withdrawn before it was placed here.
    Barred(CancelReason),
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
            _ => Decision::Barred(row.try_get::<_, Json<_>>("reason")?.0),
        };
        let digest: Option<&[u8]> = row.try_get("digest")?;
        Ok(Self {
            id: row.try_get("order_id")?,
            decision,
            digest: digest.and_then(|digest| digest.try_into().ok()).map(BodyDigest::from_bytes),
            decided_at: row.try_get("decided_at")?,
        })
    }

    /// The row of an order that is withdrawn before it is placed here.
    pub(super) fn barred(id: Uuid, reason: &CancelReason, at: SystemTime) -> Self {
        let decision = Decision::Barred(reason.clone());
        Self { id, decision, digest: None, decided_at: at }
    }

    /// The end of an order that holds nothing any more, or never will.
    pub(super) fn cancelled(&self) -> Option<Event> {
        let (reason, at) = match &self.decision {
            Decision::Released(reason, at) => (reason.clone(), *at),
            Decision::Barred(reason) => (reason.clone(), self.decided_at),
            Decision::Reserved | Decision::Rejected(_) => return None,
        };
        let body = EventBody::Cancelled { reason };
        Some(Event { order_id: order_id(self.id), at: at.into(), body })
    }
}

/// How many of each SKU the lines hold together, in SKU order.
pub(super) fn sums<'a>(
    lines: impl IntoIterator<Item = &'a OrderLine>,
) -> std::collections::BTreeMap<&'a str, i64> {
    let mut sums = std::collections::BTreeMap::new();
    for line in lines {
        *sums.entry(line.sku.as_str()).or_default() += i64::from(line.quantity.get());
    }
    sums
}
