//! The sweep: asks for the cancellation of orders that were not paid in time.
//!
//! It decides nothing: it publishes `cancel_requested`, with a time that comes from the row, and
//! remembers how far it has come. So any number of workers may sweep at once, and again.

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use deadpool_postgres::Object;
use orders::{CancelledBy, Event, EventBody};
use streams::{PublishError, Publisher, batch};
use thiserror::Error;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::database::{Database, DatabaseError};
use crate::task::{StepError, order_id};
use crate::work::with_causes;

/// An order may wait a little longer than its time.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// Reservations in one query: some milliseconds of work.
const PAGE: i64 = 1_000;
/// For the broker to store a message; what is not stored is asked for in the next sweep.
const PATIENCE: Duration = Duration::from_secs(5);

/// Sweeps over the reservations.
pub(crate) struct Sweep {
    pub(crate) database: Database,
    pub(crate) publisher: Publisher,
    /// How long a reservation waits for its payment.
    pub(crate) payment_timeout: Duration,
    /// Events in one message.
    pub(crate) max_batch: usize,
}

/// A reservation whose time is over.
struct Due {
    id: Uuid,
    decided_at: SystemTime,
}

/// Why a sweep was cut short.
#[derive(Debug, Error)]
enum SweepError {
    #[error(transparent)]
    Database(#[from] StepError),
    #[error(transparent)]
    Publish(#[from] PublishError),
}

impl Sweep {
    /// Sweeps now and again, until `shutdown`.
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        let mut fails = false;
        // A sweep that is cut short leaves nothing behind: the next one looks at the same again.
        while let Some(swept) = shutdown.run_until_cancelled(self.sweep()).await {
            if let Err(err) = &swept
                && !fails
            {
                tracing::warn!(error = with_causes(err), "not swept, again later");
            }
            fails = swept.is_err();
            shutdown.run_until_cancelled(tokio::time::sleep(SWEEP_EVERY)).await;
        }
    }

    /// Looks once at every reservation whose time is over since the last sweep.
    async fn sweep(&self) -> Result<(), SweepError> {
        let limit = self.payment_timeout;
        loop {
            let page = self.database.settled(async |client| page(client, limit).await).await?;
            let Some(last) = page.last() else { return Ok(()) };
            let decided =
                self.database.settled(async |client| decided(client, &page).await).await?;
            let waiting = page.iter().filter(|due| !decided.contains(&due.id));
            let requests: Vec<Event> = waiting.map(|due| due.cancel_requested(limit)).collect();
            for message in batch::messages(&requests, self.max_batch) {
                self.publisher.publish(&message, PATIENCE).await?;
            }
            self.database.settled(async |client| remember(client, last).await).await?;
        }
    }
}

impl Due {
    fn cancel_requested(&self, payment_timeout: Duration) -> Event {
        Event {
            order_id: order_id(self.id),
            at: (self.decided_at + payment_timeout).into(),
            body: EventBody::CancelRequested { by: CancelledBy::Expiry },
        }
    }
}

/// The reservations after the last one that was looked at. By the database's clock, so that all
/// workers agree about the time.
async fn page(connection: &Object, payment_timeout: Duration) -> Result<Vec<Due>, DatabaseError> {
    let select =
        connection.prepare_cached("SELECT decided_at, order_id FROM inventory.sweep").await?;
    let last = connection.query_one(&select, &[]).await?;
    let (decided_at, id): (SystemTime, Uuid) = (last.try_get(0)?, last.try_get(1)?);
    let select = connection
        .prepare_cached(
            "SELECT order_id, decided_at FROM inventory.reservations
             WHERE state = 'reserved' AND (decided_at, order_id) > ($1, $2)
                 AND decided_at <= now() - make_interval(secs => $3)
             ORDER BY decided_at, order_id LIMIT $4",
        )
        .await?;
    let limit = payment_timeout.as_secs_f64();
    let rows = connection.query(&select, &[&decided_at, &id, &limit, &PAGE]).await?;
    rows.iter().map(|row| Ok(Due { id: row.try_get(0)?, decided_at: row.try_get(1)? })).collect()
}

/// Those that wait for their payment no more: payment or fulfilment has decided about them. A list
/// of ids makes look-ups of this, where a join may read the tables from end to end.
async fn decided(connection: &Object, page: &[Due]) -> Result<HashSet<Uuid>, DatabaseError> {
    let select = connection
        .prepare_cached(
            "SELECT order_id FROM payment.payments WHERE order_id = ANY($1) AND state <> 'pending'
             UNION ALL SELECT order_id FROM fulfilment.shipments WHERE order_id = ANY($1)",
        )
        .await?;
    let ids: Vec<Uuid> = page.iter().map(|due| due.id).collect();
    let rows = connection.query(&select, &[&ids]).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// The next sweep goes on after `last`.
async fn remember(connection: &Object, last: &Due) -> Result<(), DatabaseError> {
    let update = connection
        .prepare_cached(
            "UPDATE inventory.sweep SET decided_at = $1, order_id = $2
             WHERE (decided_at, order_id) < ($1, $2)",
        )
        .await?;
    connection.execute(&update, &[&last.decided_at, &last.id]).await?;
    Ok(())
}
