//! The janitor: purges messages that every step has processed and dead letters that are resolved, so
//! that no stream fills up, and warns while that of dead letters does.

use std::rc::Rc;

use rand::RngExt;
use streams::{
    Connection, DEAD_LETTERS_WARNING_PERCENT, InspectError, Lane, Retention, Step, dead_letter,
    find_stream_state, lanes, plan_purge, purge, subjects,
};
use thiserror::Error;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::database::Database;
use crate::error_chain::error_chain;
use crate::limits::PURGE_INTERVAL;
use crate::missed_messages;
use crate::step_input::StepError;

/// Why a purge failed. The next one tries again.
#[derive(Debug, Error)]
pub enum PurgeError {
    /// The stream or a consumer could not be read, or not be purged.
    #[error(transparent)]
    Stream(#[from] InspectError),
    /// What observers will miss could not be recorded, so nothing was purged.
    #[error(transparent)]
    Database(#[from] StepError),
}

/// Purges the lanes.
pub(crate) struct Janitor {
    pub(crate) connection: Connection,
    pub(crate) database: Database,
    /// The steps of all pools, which must have processed a message before it is purged.
    pub(crate) steps: Rc<[Step]>,
}

impl Janitor {
    /// Purges repeatedly until `shutdown`.
    pub(crate) async fn run(&self, shutdown: CancellationToken) {
        let Self { connection, database, steps } = self;
        let mut is_failing = false;
        loop {
            let delay = rand::rng().random_range(PURGE_INTERVAL / 2..=PURGE_INTERVAL * 3 / 2);
            if shutdown.run_until_cancelled(sleep(delay)).await.is_none() {
                return;
            }
            let lanes = lanes(connection).await.unwrap_or_default();
            let was_failing = std::mem::take(&mut is_failing);
            // A lane without a leader does not keep the others from being purged.
            for lane in lanes {
                let retention = Retention::default();
                match purge_processed(connection, database, lane, steps, retention).await {
                    Ok(0) => {}
                    Ok(messages) => tracing::info!(%lane, messages, "purged processed messages"),
                    Err(err) => {
                        is_failing = true;
                        let error = error_chain(&err);
                        if was_failing {
                            tracing::debug!(%lane, error, "purge failed again");
                        } else {
                            tracing::warn!(%lane, error, "purge failed, the lane fills up");
                        }
                    }
                }
            }
            match dead_letter::release_resolved(connection).await {
                Ok(0) => {}
                Ok(letters) => tracing::info!(letters, "removed resolved dead letters"),
                Err(err) => {
                    tracing::debug!(error = error_chain(&err), "dead letters not removed");
                }
            }
            self.warn_of_dead_letters().await;
        }
    }

    /// Warns before dead letters lack room, since one without room is given up.
    async fn warn_of_dead_letters(&self) {
        let state = find_stream_state(&self.connection, subjects::DEAD_LETTERS).await;
        let percent = state.ok().flatten().and_then(|state| state.fill_percent());
        if let Some(percent) = percent.filter(|percent| *percent >= DEAD_LETTERS_WARNING_PERCENT) {
            tracing::warn!(percent, "stream of dead letters nearly full");
        }
    }
}

/// Purges messages of a lane that every step has processed and that are older than `retention` allows.
/// Returns their number. Under pressure observers hold nothing back: what they miss is recorded
/// before it is purged.
pub async fn purge_processed(
    connection: &Connection,
    database: &Database,
    lane: Lane,
    steps: &[Step],
    retention: Retention,
) -> Result<u64, PurgeError> {
    let plan = plan_purge(connection, lane, retention, steps).await?;
    for missed in &plan.missed {
        let step = missed.step;
        tracing::warn!(
            step,
            %missed.lane,
            missed.first,
            missed.last,
            "observer misses messages, it will rebuild"
        );
    }
    missed_messages::record(database, &plan.missed).await?;
    Ok(purge(connection, &plan).await?)
}
