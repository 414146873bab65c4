//! The reservation expiry sweep: requests the cancellation of orders that are not paid in time.
//!
//! While payment is paused it sweeps nothing, and that time does not count afterwards.
//!
//! The sweep decides nothing. It publishes `cancel_requested`, with a time that comes from the row,
//! and stores a cursor. So any number of workers may sweep concurrently and repeatedly.

mod cursor;
mod expired;

use std::collections::HashSet;
use std::time::Duration;

use orders::Event;
use streams::{PoolSetting, PublishError, Publisher, SettingWatch, batch};
use thiserror::Error;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::payment_pauses;
use crate::database::Database;
use crate::error_chain::error_chain;
use crate::expiry_clock::expiry_time;
use crate::limits::{SWEEP_INTERVAL, SWEEP_PUBLISH_TIMEOUT};
use crate::step_input::StepError;
use expired::ExpiredReservation;

/// The sweep over the reservations.
pub(super) struct Sweep {
    pub(super) database: Database,
    pub(super) publisher: Publisher,
    /// How long a reservation waits for its payment.
    pub(super) payment_timeout: Duration,
    /// Whether payment is paused: nothing expires then.
    pub(super) payment: SettingWatch<PoolSetting>,
    /// Maximum number of events in one message.
    pub(super) max_batch: usize,
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
        let mut handled = HashSet::new();
        // A sweep that is interrupted leaves nothing behind: the next one reads the same page
        // again.
        while let Some(result) = shutdown.run_until_cancelled(self.sweep(&mut handled)).await {
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

    /// Processes every reservation that has expired since the last sweep. `handled` holds those that
    /// are processed, and that the next sweep reads again.
    async fn sweep(&self, handled: &mut HashSet<Uuid>) -> Result<(), SweepError> {
        let database = &self.database;
        match self.payment.is_paused() {
            // The setting is not known: the next sweep looks again.
            None => return Ok(()),
            Some(true) => {
                let note = async |client: &mut _| payment_pauses::note(client).await;
                return Ok(database.with_retries(note).await?);
            }
            Some(false) => {
                let look = async |client: &mut _| payment_pauses::is_seen_by_others(client).await;
                if database.with_retries(look).await? {
                    return Ok(());
                }
            }
        }
        let expired_at = expiry_time(database, self.payment_timeout).await? - self.payment_timeout;
        let start = async |client: &mut _| cursor::start(client, expired_at).await;
        let mut position = database.with_retries(start).await?;
        let mut read_again = HashSet::new();
        loop {
            let read = async |client: &mut _| expired::page(client, &position, expired_at).await;
            let page = database.with_retries(read).await?;
            let Some(last) = page.last() else { break };
            self.request_cancellations(&page, handled).await?;
            let settled = page.iter().filter(|expired| expired.is_settled);
            if let Some(passed) = settled.map(ExpiredReservation::cursor).next_back() {
                let advance = async |client: &mut _| cursor::advance(client, &passed).await;
                database.with_retries(advance).await?;
            }
            let unsettled = page.iter().filter(|expired| !expired.is_settled);
            let unsettled: Vec<Uuid> = unsettled.map(|expired| expired.id).collect();
            handled.extend(&unsettled);
            read_again.extend(unsettled);
            position = last.cursor();
        }
        *handled = read_again;
        Ok(())
    }

    /// Requests the cancellation of the reservations of `page` that are not handled yet, and that still
    /// wait for their payment.
    async fn request_cancellations(
        &self,
        page: &[ExpiredReservation],
        handled: &HashSet<Uuid>,
    ) -> Result<(), SweepError> {
        let new = page.iter().filter(|expired| !handled.contains(&expired.id));
        let new: Vec<&ExpiredReservation> = new.collect();
        if new.is_empty() {
            return Ok(());
        }
        let ids: Vec<Uuid> = new.iter().map(|expired| expired.id).collect();
        let read = async |client: &mut _| expired::decided(client, &ids).await;
        let decided = self.database.with_retries(read).await?;
        let unpaid = new.iter().filter(|expired| !decided.contains(&expired.id));
        let requests: Vec<Event> =
            unpaid.map(|expired| expired.cancel_requested(self.payment_timeout)).collect();
        for message in batch::messages(&requests, self.max_batch) {
            self.publisher.publish(&message, SWEEP_PUBLISH_TIMEOUT).await?;
        }
        Ok(())
    }
}
