//! The reservations that were not paid in time.

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use deadpool_postgres::Object;
use orders::{CancelledBy, Event, EventBody};
use uuid::Uuid;

use super::cursor::Cursor;
use crate::database::DatabaseError;
use crate::limits::{SWEEP_PAGE_SIZE, SWEEP_SLACK};
use crate::payment;
use crate::step_input::order_id;

/// A reservation whose payment timeout has passed.
pub(super) struct ExpiredReservation {
    pub(super) id: Uuid,
    decided_at: SystemTime,
    /// Whether every reservation before it can be seen, so that the cursor may pass it.
    pub(super) is_settled: bool,
}

impl ExpiredReservation {
    pub(super) const fn cursor(&self) -> Cursor {
        Cursor { decided_at: self.decided_at, id: self.id }
    }

    pub(super) fn cancel_requested(&self, payment_timeout: Duration) -> Event {
        Event {
            order_id: order_id(self.id),
            at: (self.decided_at + payment_timeout).into(),
            body: EventBody::CancelRequested { by: CancelledBy::Expiry },
            traceparent: None,
        }
    }
}

/// The next page after `cursor` of reservations that were made by `expired_at`, a time of the database's clock, so
/// that all workers agree about it.
pub(super) async fn page(
    connection: &Object,
    cursor: &Cursor,
    expired_at: SystemTime,
) -> Result<Vec<ExpiredReservation>, DatabaseError> {
    let select = connection
        .prepare_cached(
            "SELECT order_id, decided_at, decided_at <= now() - make_interval(secs => $4)
             FROM inventory.reservations
             WHERE state = 'reserved' AND (decided_at, order_id) > ($1, $2)
                 AND decided_at <= $3
             ORDER BY decided_at, order_id LIMIT $5",
        )
        .await?;
    let slack = SWEEP_SLACK.as_secs_f64();
    let Cursor { decided_at, id } = cursor;
    let rows =
        connection.query(&select, &[decided_at, id, &expired_at, &slack, &SWEEP_PAGE_SIZE]).await?;
    let expired = rows.iter().map(|row| {
        let (id, decided_at, is_settled) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        Ok(ExpiredReservation { id, decided_at, is_settled })
    });
    expired.collect()
}

/// Those of `ids` that no longer wait for their payment: payment or fulfilment has decided about them.
/// A list of ids makes this index look-ups; a join might scan the whole tables.
pub(super) async fn decided(
    connection: &Object,
    ids: &[Uuid],
) -> Result<HashSet<Uuid>, DatabaseError> {
    let select = connection
        .prepare_cached(
            "SELECT order_id FROM payment.order_states WHERE order_id = ANY($1)
                 AND state <> ALL($2::text[])
             UNION ALL SELECT order_id FROM fulfilment.order_states WHERE order_id = ANY($1)",
        )
        .await?;
    let undecided = &payment::undecided_states()[..];
    let rows = connection.query(&select, &[&ids, &undecided]).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}
