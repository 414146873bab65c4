//! The only consumer loop: fetch, process, publish outcomes, ack. Everything else in this crate is
//! free of messages and acks.
//!
//! A *set* is the messages of one fetch, which are processed together.

use std::cell::OnceCell;
use std::iter;
use std::time::Duration;

use rand::RngExt;
use streams::{Delivery, Fetcher, Publisher, Record, Source, Step, ack_wait};
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::failpoints::{Failpoint, failpoint};
use crate::poison_guard::{clear_marks_on_clean_stop, process_individually};
use crate::process::{error_chain, process};
use crate::publish_outcomes::publish_outcomes;
use crate::stages::Stages;

/// Approximate number of records in one set. At 500 orders per transaction PostgreSQL is near its
/// best throughput, and a set takes a fraction of `ack_wait`.
pub const SET_RECORDS: usize = 512;
/// After a set with fewer records than this, in fewer messages than [`SMALL_SET_MESSAGES`], the
/// loop lingers so that the next set grows: a set costs brokers and database nearly the same
/// whatever its size. If many messages are pending, however small, waiting for more gains nothing.
const SMALL_SET_RECORDS: usize = 128;
const SMALL_SET_MESSAGES: usize = 24;
/// Minimum time from the start of a small set to the next fetch. An order that reaches an idle step
/// does not wait; at a steady light load it waits for half of this, on average, at each of the
/// three steps.
const LINGER: Duration = Duration::from_millis(40);
/// From this delivery on, the records of a message are processed individually: the first two
/// deliveries may have crashed the worker together with other records.
const ISOLATE_FROM_DELIVERY: u64 = 3;
/// Progress acks within each `ack_wait`, so that one of them may be late.
const PROGRESS_ACKS: u32 = 3;
/// Back-off between two probes of an unavailable dependency: short for a hiccup, and long enough
/// for an outage.
const BACKOFF_MIN: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(2);
/// How long a set is held while a dependency is unavailable. Then it is returned for other workers,
/// which may still reach the dependency.
const HOLD_WHILE_DOWN_MAX: Duration = Duration::from_mins(1);
/// After a set that took longer than `ack_wait` divided by this, messages still in flight are
/// returned: they would soon be redelivered to another worker.
const LEFTOVER_STALE_DIVISOR: u32 = 3;
/// How long a worker that is shutting down continues with its messages. A set takes much less,
/// unless a dependency hangs. Messages that are not processed by then are returned.
pub(crate) const DRAIN_TIMEOUT: Duration = Duration::from_secs(12);
/// Between two fetches if the broker does not respond.
const FETCH_RETRY_DELAY: Duration = Duration::from_millis(200);

/// What all consumer loops of a worker share.
pub(crate) struct Consumer {
    pub(crate) stages: Stages,
    pub(crate) publisher: Publisher,
    /// Maximum number of outcomes in one message.
    pub(crate) max_batch: usize,
}

impl Consumer {
    /// Runs `step` for all messages of `fetcher` until `shutdown`, and then for those that were
    /// requested already, so that this worker's shutdown causes no redelivery.
    pub(crate) async fn run(&self, step: Step, mut fetcher: Fetcher, shutdown: CancellationToken) {
        let drain = DrainDeadline { shutdown: shutdown.clone(), at: OnceCell::new() };
        while let Some(fetched) = shutdown.run_until_cancelled(fetcher.next(SET_RECORDS)).await {
            match fetched {
                Ok(deliveries) => {
                    let started = Instant::now();
                    let is_small = is_small(&deliveries);
                    self.handle(step, deliveries, &mut fetcher, &drain).await;
                    if started.elapsed() > ack_wait() / LEFTOVER_STALE_DIVISOR {
                        fetcher.nak().await;
                    }
                    if is_small {
                        shutdown.run_until_cancelled(sleep_until(started + LINGER)).await;
                    }
                }
                Err(err) => {
                    let error = error_chain(&err);
                    tracing::warn!(%step, error, "fetch from consumer failed, retrying");
                    shutdown.run_until_cancelled(sleep(FETCH_RETRY_DELAY)).await;
                }
            }
        }
        fetcher.finish();
        while let Ok(Ok(deliveries)) = timeout_at(drain.at(), fetcher.next(SET_RECORDS)).await {
            if deliveries.is_empty() {
                return;
            }
            self.handle(step, deliveries, &mut fetcher, &drain).await;
        }
        fetcher.nak().await;
    }

    /// Processes all records and acks or naks their messages. While a dependency is unavailable,
    /// nothing more is fetched and the messages are held, for a limited time.
    async fn handle(
        &self,
        step: Step,
        deliveries: Vec<Delivery>,
        fetcher: &mut Fetcher,
        drain: &DrainDeadline,
    ) {
        let shutdown = &drain.shutdown;
        for delivery in &deliveries {
            delivery.sabotage_ack().await;
        }
        failpoint(step, Failpoint::Fetched);
        let processed = with_progress_acks(&deliveries, async {
            let held_until = Instant::now() + HOLD_WHILE_DOWN_MAX;
            let mut backoff = BACKOFF_MIN;
            while self.process_and_publish(step, &deliveries).await.is_err() {
                fetcher.nak().await;
                let recovered = timeout_at(held_until, self.wait_for_dependencies(step, backoff));
                if !matches!(shutdown.run_until_cancelled(recovered).await, Some(Ok(()))) {
                    return false;
                }
                backoff = next_backoff(backoff);
            }
            true
        });
        let is_processed = tokio::select! {
            biased;
            is_processed = processed => is_processed,
            () = drain.passed() => false,
        };
        if is_processed {
            failpoint(step, Failpoint::Published);
            settle_all(deliveries, Delivery::ack).await;
            failpoint(step, Failpoint::Acked);
        } else {
            // With an open pull request, this worker would receive what it naks.
            fetcher.nak().await;
            settle_all(deliveries, Delivery::nak).await;
            if shutdown.is_cancelled() {
                clear_marks_on_clean_stop(&self.stages, step).await;
            }
            let recovered = self.wait_for_dependencies(step, BACKOFF_MAX);
            shutdown.run_until_cancelled(recovered).await;
        }
    }

    async fn process_and_publish(
        &self,
        step: Step,
        deliveries: &[Delivery],
    ) -> Result<(), DependencyUnavailable> {
        let (isolated, together): (Vec<&Delivery>, Vec<&Delivery>) =
            deliveries.iter().partition(|delivery| delivery.delivered >= ISOLATE_FROM_DELIVERY);
        for (set, is_isolated) in [(together, false), (isolated, true)] {
            let records: Vec<Record> =
                set.iter().flat_map(|delivery| delivery.records.clone()).collect();
            let outcomes = if is_isolated {
                process_individually(&self.stages, step, &records).await
            } else {
                process(&self.stages, step, &records).await
            };
            let outcomes = outcomes.map_err(|err| {
                let error = error_chain(&err);
                tracing::warn!(%step, error, "dependency unavailable, pausing step");
                DependencyUnavailable
            })?;
            failpoint(step, Failpoint::Committed);
            let published =
                publish_outcomes(&self.publisher, step, &records, outcomes, self.max_batch).await;
            published.map_err(|err| {
                let error = error_chain(&err);
                tracing::warn!(%step, error, "publishing outcomes failed, retrying");
                DependencyUnavailable
            })?;
        }
        Ok(())
    }

    /// Waits for about `backoff`, and then until all dependencies of the step are available.
    async fn wait_for_dependencies(&self, step: Step, mut backoff: Duration) {
        loop {
            sleep(rand::rng().random_range(backoff / 2..=backoff)).await;
            match self.stages.probe(step).await {
                Ok(()) => return tracing::info!(%step, "dependency recovered, resuming step"),
                Err(err) => {
                    let error = error_chain(&err);
                    tracing::debug!(%step, error, "dependency still unavailable");
                }
            }
            backoff = next_backoff(backoff);
        }
    }
}

/// The time at which a loop that is shutting down must stop processing.
struct DrainDeadline {
    shutdown: CancellationToken,
    at: OnceCell<Instant>,
}

impl DrainDeadline {
    /// Waits for the shutdown and then until the deadline.
    async fn passed(&self) {
        self.shutdown.cancelled().await;
        sleep_until(self.at()).await;
    }

    /// The deadline: [`DRAIN_TIMEOUT`] after the first call.
    fn at(&self) -> Instant {
        *self.at.get_or_init(|| Instant::now() + DRAIN_TIMEOUT)
    }
}

fn is_small(set: &[Delivery]) -> bool {
    let records: usize = set.iter().map(|delivery| delivery.records.len()).sum();
    records < SMALL_SET_RECORDS && set.len() < SMALL_SET_MESSAGES
}

fn next_backoff(backoff: Duration) -> Duration {
    (backoff * 2).min(BACKOFF_MAX)
}

/// A dependency is unavailable, and the cause is logged.
struct DependencyUnavailable;

/// Runs `work` and sends progress acks to the broker in the meantime.
async fn with_progress_acks<T>(deliveries: &[Delivery], work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    loop {
        match timeout(ack_wait() / PROGRESS_ACKS, &mut work).await {
            Ok(output) => return output,
            Err(_) => {
                for delivery in deliveries {
                    delivery.progress().await;
                }
            }
        }
    }
}

async fn settle_all(deliveries: Vec<Delivery>, settle: impl AsyncFn(Delivery)) {
    for delivery in deliveries {
        settle(delivery).await;
    }
}

/// The sources of a step, one for each of its loops: one for retries, and one or more for events,
/// so that one set is computed while others wait for the provider, the database or the brokers.
/// Inventory has one for events: a second set would wait for the SKUs that the first one has
/// locked.
pub(crate) fn sources_of(step: Step) -> Vec<Source> {
    let event_loops = match step {
        Step::Reserve | Step::Release => 1,
        Step::Charge => 3,
        Step::Refund | Step::Ship | Step::Withdraw => 2,
    };
    iter::once(step.retries()).chain(iter::repeat_n(step.events(), event_loops)).collect()
}
