//! The only consumer loop: fetch, process, publish outcomes, ack. Everything else in this crate is
//! free of messages and acks.
//!
//! A *set* is the messages of one fetch, which are processed together.

use std::rc::Rc;
use std::time::Duration;

use streams::{Delivery, FetchError, Fetcher, Publisher, Record, ack_wait, failpoint};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::backoff::{Backoff, wait_for_dependencies};
use crate::drain::DrainDeadline;
use crate::error_chain::error_chain;
use crate::heartbeat::with_progress_acks;
use crate::limits::{
    BACKOFF_MAX, HOLD_WHILE_DOWN_MAX, ISOLATE_FROM_DELIVERY, LEFTOVER_STALE_DIVISOR, LINGER,
    NAK_DELAY, SET_RECORDS, SMALL_SET_MESSAGES, SMALL_SET_RECORDS,
};
use crate::poison_isolation::PoisonIsolation;
use crate::process::process;
use crate::publish_outcomes::publish_outcomes;
use crate::running_stage::RunningStep;
use crate::work_counts::{OutcomeCounts, WorkCounts};

/// The loop of one step over one durable consumer.
pub(crate) struct Consumer {
    pub(crate) step: RunningStep,
    pub(crate) isolation: PoisonIsolation,
    pub(crate) counts: WorkCounts,
    pub(crate) publisher: Publisher,
    /// Maximum number of outcomes in one message.
    pub(crate) max_batch: usize,
    /// Notified when a fetch fails in such a way that the durable consumer may have been deleted.
    pub(crate) fetch_failed: Rc<Notify>,
}

/// A dependency is unavailable, and the cause is logged.
struct DependencyUnavailable;

/// For each message of a set, whether everything that follows from it is stored.
type AreStored = Vec<bool>;

impl Consumer {
    /// Runs the step for all messages of `fetcher` until `shutdown`, and then for those that were
    /// requested already, so that this worker's shutdown causes no redelivery.
    pub(crate) async fn run(&self, mut fetcher: Fetcher, shutdown: CancellationToken) {
        let drain = DrainDeadline::new(shutdown.clone());
        while let Some(fetched) = shutdown.run_until_cancelled(fetcher.next(SET_RECORDS)).await {
            let started = Instant::now();
            match fetched {
                Ok(set) => {
                    let is_small = is_small(&set);
                    self.handle(set, &mut fetcher, &drain).await;
                    if started.elapsed() > ack_wait() / LEFTOVER_STALE_DIVISOR {
                        fetcher.nak().await;
                    }
                    if is_small {
                        shutdown.run_until_cancelled(sleep_until(started + LINGER)).await;
                    }
                }
                // The fetcher has logged it, and waits before it tries again.
                Err(FetchError { failure, .. }) => {
                    if failure.concerns_topology() {
                        self.fetch_failed.notify_one();
                    }
                }
            }
        }
        fetcher.finish();
        while let Ok(Ok(set)) = timeout_at(drain.at(), fetcher.next(SET_RECORDS)).await {
            if set.is_empty() {
                return;
            }
            self.handle(set, &mut fetcher, &drain).await;
        }
        fetcher.nak().await;
    }

    /// Processes a set and acks its messages, or returns them to the broker.
    async fn handle(&self, set: Vec<Delivery>, fetcher: &mut Fetcher, drain: &DrainDeadline) {
        let step = &self.step.step;
        let held = self.counts.hold(set.iter().map(|delivery| delivery.records.len()).sum());
        failpoint!("{step}.fetched");
        let published = with_progress_acks(&set, self.process_and_publish(&set, fetcher, drain));
        if let Some(Some(are_stored)) = drain.run_until_passed(published).await {
            failpoint!("{step}.published");
            for (delivery, is_stored) in set.into_iter().zip(are_stored) {
                if is_stored {
                    delivery.ack().await;
                } else {
                    delivery.nak_for(NAK_DELAY).await;
                }
            }
            failpoint!("{step}.acked");
            return;
        }
        // With an open pull request, this worker would receive what it naks.
        fetcher.nak().await;
        for delivery in set {
            delivery.nak().await;
        }
        drop(held);
        if drain.shutdown.is_cancelled() {
            self.isolation.clear_marks_on_clean_stop(step).await;
        }
        let recovered = wait_for_dependencies(&self.step, BACKOFF_MAX);
        drain.shutdown.run_until_cancelled(recovered).await;
    }

    /// Repeats the attempt until every outcome is stored. Returns `None` on shutdown, and if a
    /// dependency is unavailable for too long. Nothing more is fetched in the meantime.
    async fn process_and_publish(
        &self,
        set: &[Delivery],
        fetcher: &mut Fetcher,
        drain: &DrainDeadline,
    ) -> Option<AreStored> {
        let held_until = Instant::now() + HOLD_WHILE_DOWN_MAX;
        let mut backoff = Backoff::default();
        loop {
            if let Ok(are_stored) = self.attempt(set).await {
                return Some(are_stored);
            }
            fetcher.nak().await;
            let delay: Duration = backoff.next();
            let recovered = timeout_at(held_until, wait_for_dependencies(&self.step, delay));
            if !matches!(drain.shutdown.run_until_cancelled(recovered).await, Some(Ok(()))) {
                return None;
            }
        }
    }

    async fn attempt(&self, set: &[Delivery]) -> Result<AreStored, DependencyUnavailable> {
        let step = &self.step.step;
        let mut are_stored = vec![true; set.len()];
        let (isolated, together): (Vec<usize>, Vec<usize>) =
            (0..set.len()).partition(|index| set[*index].delivered >= ISOLATE_FROM_DELIVERY);
        for (indices, is_isolated) in [(together, false), (isolated, true)] {
            let records_of = |index: &usize| {
                let index = *index;
                set[index].records.iter().map(move |record| (index, record.clone()))
            };
            let (indices, records): (Vec<usize>, Vec<Record>) =
                indices.iter().flat_map(records_of).unzip();
            let outcomes = if is_isolated {
                self.isolation.process_individually(&self.step, &records).await
            } else {
                process(&self.step, &records).await
            };
            let outcomes = outcomes.map_err(|err| {
                let error = error_chain(&err);
                tracing::warn!(%step, error, "dependency unavailable, pausing step");
                DependencyUnavailable
            })?;
            failpoint!("{step}.committed");
            let deliveries: Vec<u64> = indices.iter().map(|index| set[*index].delivered).collect();
            let records = (&*records, &*deliveries);
            let counts = OutcomeCounts::of(&outcomes);
            let published =
                publish_outcomes(&self.publisher, step, records, outcomes, self.max_batch);
            let not_stored = published.await.map_err(|err| {
                let error = error_chain(&err);
                tracing::warn!(%step, error, "publishing outcomes failed, retrying");
                DependencyUnavailable
            })?;
            self.counts.add(counts);
            for record in not_stored {
                are_stored[indices[record]] = false;
            }
        }
        Ok(are_stored)
    }
}

fn is_small(set: &[Delivery]) -> bool {
    let records: usize = set.iter().map(|delivery| delivery.records.len()).sum();
    records < SMALL_SET_RECORDS && set.len() < SMALL_SET_MESSAGES
}
