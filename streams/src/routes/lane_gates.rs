//! Closes a lane that is full or behind, or would not keep what it acknowledges. Intake stops only when
//! no lane is open.

use std::time::Duration;

use super::Routes;
use crate::capacity::admission;
use crate::{Admission, Connection, Difference, Lane, Step};

impl Routes {
    /// Asks what each lane admits, and keeps it. `first` is the step that every order passes first, and
    /// `backlog_max` is how long the oldest order may wait for it. A lane that does not reply stays as it
    /// was. Returns what the lane admits that admits most.
    pub async fn update_admission(
        &self,
        connection: &Connection,
        first: &Step,
        backlog_max: Duration,
    ) -> Admission {
        self.refresh_lanes().await;
        for lane in self.lanes.all() {
            match admission(connection, lane, first, backlog_max).await {
                Ok(admission) => self.lanes.admit(lane, admission),
                Err(err) => {
                    tracing::debug!(%lane, %err, "admission check failed, keeping last result");
                }
            }
        }
        self.lanes.best_admission().unwrap_or_default()
    }

    /// Closes the lanes that would not keep what they acknowledge, as `differences` say, and opens the
    /// others. Returns the differences that close intake: those of other streams, and those of the lanes
    /// once no lane is open.
    pub fn close_unproven_lanes(&self, differences: Vec<Difference>) -> Vec<Difference> {
        let unproven: Vec<Lane> = differences.iter().filter_map(Difference::lane).collect();
        self.lanes.set_unproven(&unproven);
        if self.lanes.best_admission().is_none() {
            return differences;
        }
        differences.into_iter().filter(|difference| difference.lane().is_none()).collect()
    }
}
