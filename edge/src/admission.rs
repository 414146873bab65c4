//! Whether new orders are taken in at all: not when the stream is nearly full, and not when
//! inventory is far behind, since then a promise would not be kept in any time that a buyer has.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use streams::{Admission, Connection, intake};
use tokio::time::sleep;

use crate::limits::ADMISSION_LOOK_EVERY;
use crate::problem::Problem;

/// What was seen last. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct AdmissionGate(Arc<AtomicU8>);

const OPEN: u8 = 0;
const FULL: u8 = 1;
const BEHIND: u8 = 2;

impl AdmissionGate {
    /// An order that comes now is taken in, or this is why not.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        match self.0.load(Ordering::Relaxed) {
            FULL => Err(Problem::StreamFull),
            BEHIND => Err(Problem::BacklogTooOld),
            _ => Ok(()),
        }
    }

    /// Looks again and again. While the brokers do not answer, what was seen last stands: they
    /// acknowledge nothing then.
    pub(crate) async fn watch(self, broker: Connection, backlog_max: Duration) {
        loop {
            match intake(&broker, backlog_max).await {
                Ok(seen) => self.note(seen),
                Err(err) => tracing::debug!(%err, "admission stays as it was"),
            }
            sleep(ADMISSION_LOOK_EVERY).await;
        }
    }

    fn note(&self, seen: Admission) {
        let code = match seen {
            Admission::Open => OPEN,
            Admission::StreamFull => FULL,
            Admission::BacklogTooOld => BEHIND,
        };
        if self.0.swap(code, Ordering::Relaxed) != code {
            tracing::warn!(?seen, "intake");
        }
    }
}
