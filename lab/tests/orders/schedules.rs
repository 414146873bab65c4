//! The records that are scheduled to come back, as the broker gets them.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use streams::subjects;

use super::test_cluster::{TestCluster, wait_until};

/// All schedules since it was created. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Schedules(Arc<Mutex<Vec<Value>>>);

impl TestCluster {
    /// Collects what is scheduled from now on.
    pub(crate) async fn collect_schedules(&self) -> Schedules {
        let [subject, _] = subjects::RETRIES_SUBJECTS;
        let mut retries = self.sources.connection.listen(subject).await.unwrap();
        let schedules = Schedules::default();
        let collecting = schedules.clone();
        tokio::spawn(async move {
            while let Some(retry) = retries.next().await {
                collecting.push(serde_json::from_slice(&retry).unwrap());
            }
        });
        schedules
    }
}

impl Schedules {
    /// How many of them count a failed attempt.
    pub(crate) fn failed_attempts(&self) -> usize {
        self.count(|schedule| schedule["tries"].as_u64().unwrap() > 0)
    }

    /// Waits until a record of this event is scheduled.
    pub(crate) async fn wait_for_event(&self, event: &str) {
        wait_until(&format!("a record of {event} is scheduled"), async || {
            let is_wanted = |schedule: &Value| {
                let found = &schedule["record"]["event"];
                *found == event || found.get(event).is_some()
            };
            self.count(is_wanted) > 0
        })
        .await;
    }

    pub(crate) fn count(&self, is_counted: impl Fn(&Value) -> bool) -> usize {
        let schedules = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        schedules.iter().filter(|schedule| is_counted(schedule)).count()
    }

    fn push(&self, schedule: Value) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(schedule);
    }
}
