//! The admission gate: refuses new orders while every lane is nearly full, or inventory is so far behind
//! in it that an accepted order would not complete within a time acceptable to a buyer.
//! Requests about stored orders are refused later, when only the outcomes of steps have room left.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use streams::{Admission, Connection, Routes, Step};
use tokio::time::sleep;

use crate::limits::ADMISSION_POLL_INTERVAL;
use crate::problem::Problem;

/// The result of the last check. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct AdmissionGate(Arc<AtomicU8>);

const OPEN: u8 = 0;
const STREAM_FULL: u8 = 1;
const BACKLOG_TOO_OLD: u8 = 2;
const OUTCOMES_ONLY: u8 = 3;

impl AdmissionGate {
    /// Whether an order that arrives now is admitted.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        match self.0.load(Ordering::Relaxed) {
            STREAM_FULL | OUTCOMES_ONLY => Err(Problem::StreamFull),
            BACKLOG_TOO_OLD => Err(Problem::BacklogTooOld),
            _ => Ok(()),
        }
    }

    /// Whether a request about a stored order is admitted.
    pub(crate) fn check_request(&self) -> Result<(), Problem> {
        match self.0.load(Ordering::Relaxed) {
            OUTCOMES_ONLY => Err(Problem::StreamFull),
            _ => Ok(()),
        }
    }

    /// Polls the brokers. While they do not reply, the last result holds: they acknowledge nothing
    /// then.
    pub(crate) async fn watch(
        &self,
        broker: &Connection,
        lanes: &Routes,
        first: &Step,
        backlog_max_age: impl Fn() -> Duration,
    ) {
        loop {
            self.update(lanes.update_admission(broker, first, backlog_max_age()).await);
            sleep(ADMISSION_POLL_INTERVAL).await;
        }
    }

    fn update(&self, admission: Admission) {
        let (code, name) = match admission {
            Admission::Open => (OPEN, "open"),
            Admission::StreamFull => (STREAM_FULL, "stream_full"),
            Admission::OutcomesOnly => (OUTCOMES_ONLY, "outcomes_only"),
            Admission::BacklogTooOld => (BACKLOG_TOO_OLD, "backlog_too_old"),
        };
        if self.0.swap(code, Ordering::Relaxed) != code {
            tracing::warn!(admission = name, "admission changed");
        }
    }
}
