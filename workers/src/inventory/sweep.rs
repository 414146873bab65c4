//! The reservation expiry sweep: requests the cancellation of orders that are not paid in time.
//!
//! The sweep decides nothing. It publishes `cancel_requested`, with a time that comes from the row,
//! and stores a cursor. So any number of workers may sweep concurrently and repeatedly.

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use deadpool_postgres::Object;
use orders::{CancelledBy, Event, EventBody};
use streams::{PublishError, Publisher, batch};
use thiserror::Error;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::database::{Database, DatabaseError};
use crate::error_chain::error_chain;
use crate::limits::{SWEEP_INTERVAL, SWEEP_PAGE_SIZE, SWEEP_PUBLISH_TIMEOUT};
use crate::step_input::{StepError, order_id};

/// The sweep over the reservations.
pub(super) struct Sweep {
    pub(super) database: Database,
    pub(super) publisher: Publisher,
    /// How long a reservation waits for its payment.
    pub(super) payment_timeout: Duration,
    /// Maximum number of events in one message.
    pub(super) max_batch: usize,
}

/// A reservation that was not paid in time.
struct ExpiredReservation {
    id: Uuid,
    decided_at: SystemTime,
}

/// Why a sweep failed.
#[derive(Debug, Error)]
enum SweepError {
    #[error(transparent)]
    Database(#[from] StepError),
    #[error(transparent)]
    Publish(#[from] PublishError),
}

impl Sweep {
    /// Sweeps periodically until `shutdown`.
    pub(super) async fn run(&self, shutdown: CancellationToken) {
        let mut is_failing = false;
        // A sweep that is interrupted leaves nothing behind: the next one reads the same page
        // again.
        while let Some(result) = shutdown.run_until_cancelled(self.sweep()).await {
            if let Err(err) = &result
                && !is_failing
            {
                let error = error_chain(err);
                tracing::warn!(error, "reservation expiry sweep failed, will retry");
            }
            is_failing = result.is_err();
            shutdown.run_until_cancelled(tokio::time::sleep(SWEEP_INTERVAL)).await;
        }
    }

    /// Processes every reservation that has expired since the last sweep.
    async fn sweep(&self) -> Result<(), SweepError> {
        let (database, limit) = (&self.database, self.payment_timeout);
        loop {
            let page =
                database.with_retries(async |client| expired_page(client, limit).await).await?;
            let Some(last) = page.last() else { return Ok(()) };
            let decided =
                database.with_retries(async |client| decided(client, &page).await).await?;
            let unpaid = page.iter().filter(|expired| !decided.contains(&expired.id));
            let requests: Vec<Event> =
                unpaid.map(|expired| expired.cancel_requested(limit)).collect();
            for message in batch::messages(&requests, self.max_batch) {
                self.publisher.publish(&message, SWEEP_PUBLISH_TIMEOUT).await?;
            }
            database.with_retries(async |client| advance_cursor(client, last).await).await?;
        }
    }
}

impl ExpiredReservation {
    fn cancel_requested(&self, payment_timeout: Duration) -> Event {
        Event {
            order_id: order_id(self.id),
            at: (self.decided_at + payment_timeout).into(),
            body: EventBody::CancelRequested { by: CancelledBy::Expiry },
        }
    }
}

/// The next page of expired reservations after the cursor. Uses the database's clock, so that all
/// workers agree about the time.
async fn expired_page(
    connection: &Object,
    payment_timeout: Duration,
) -> Result<Vec<ExpiredReservation>, DatabaseError> {
    let select =
        connection.prepare_cached("SELECT decided_at, order_id FROM inventory.sweep").await?;
    let cursor = connection.query_one(&select, &[]).await?;
    let decided_at: SystemTime = cursor.try_get(0)?;
    let id: Uuid = cursor.try_get(1)?;
    let select = connection
        .prepare_cached(
            "SELECT order_id, decided_at FROM inventory.reservations
             WHERE state = 'reserved' AND (decided_at, order_id) > ($1, $2)
                 AND decided_at <= now() - make_interval(secs => $3)
             ORDER BY decided_at, order_id LIMIT $4",
        )
        .await?;
    let limit = payment_timeout.as_secs_f64();
    let rows = connection.query(&select, &[&decided_at, &id, &limit, &SWEEP_PAGE_SIZE]).await?;
    let expired = rows
        .iter()
        .map(|row| Ok(ExpiredReservation { id: row.try_get(0)?, decided_at: row.try_get(1)? }));
    expired.collect()
}

/// The orders that no longer wait for their payment: payment or fulfilment has decided about them.
/// A list of ids makes this index look-ups; a join might scan the whole tables.
async fn decided(
    connection: &Object,
    page: &[ExpiredReservation],
) -> Result<HashSet<Uuid>, DatabaseError> {
    let select = connection
        .prepare_cached(
            "SELECT order_id FROM payment.payments WHERE order_id = ANY($1)
                 AND state NOT IN ('pending', 'requires_action')
             UNION ALL SELECT order_id FROM fulfilment.shipments WHERE order_id = ANY($1)",
        )
        .await?;
    let ids: Vec<Uuid> = page.iter().map(|expired| expired.id).collect();
    let rows = connection.query(&select, &[&ids]).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Moves the cursor, so that the next sweep continues after `last`.
async fn advance_cursor(
    connection: &Object,
    last: &ExpiredReservation,
) -> Result<(), DatabaseError> {
    let update = connection
        .prepare_cached(
            "UPDATE inventory.sweep SET decided_at = $1, order_id = $2
             WHERE (decided_at, order_id) < ($1, $2)",
        )
        .await?;
    connection.execute(&update, &[&last.decided_at, &last.id]).await?;
    Ok(())
}
