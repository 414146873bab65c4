//! The one pull loop: fetch, work, publish, ack. Everything else in this crate is pure work.

use std::cell::OnceCell;
use std::iter;
use std::time::Duration;

use rand::RngExt;
use streams::{Delivery, Fetcher, Publisher, Record, Source, Step, ack_wait};
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::alone::{one_by_one, stopped_in_order};
use crate::crash::{Stop, stop_at};
use crate::settle::publish;
use crate::stages::Stages;
use crate::work::{with_causes, work};

/// Records that one set takes together, about: at 500 orders a transaction PostgreSQL is near its
/// best, and a set is done in a fraction of `ack_wait`.
pub const SET_RECORDS: usize = 512;
/// A set of fewer records, in fewer messages, is followed by a pause, in which the next one grows: sets cost
/// brokers and database nearly the same whatever their size. Where many messages wait, however small,
/// nothing is gained by waiting for more.
const SMALL_SET_RECORDS: usize = 128;
const SMALL_SET_MESSAGES: usize = 24;
/// From the beginning of a small set to the next one. An order that comes to an idle step does not
/// wait; at a steady light load it waits for half of that at each of three steps.
const GATHER: Duration = Duration::from_millis(40);
/// From this delivery on a message's records are taken one by one: twice they may have died with
/// their neighbours.
const ALONE_FROM_DELIVERY: u64 = 3;
/// Progress is reported this often within each `ack_wait`, so that one report may be late.
const PROGRESS_REPORTS: u32 = 3;
/// Between two looks whether a dependency is back, at first and at last: soon for a hiccup, seldom
/// enough for an outage.
const LOOK_AGAIN_FIRST: Duration = Duration::from_millis(100);
const LOOK_AGAIN_LAST: Duration = Duration::from_secs(2);
/// How long a set is kept in hand while a dependency is away. Then other workers may have it, to
/// whom the dependency may not be away.
const KEEP_IN_HAND: Duration = Duration::from_mins(1);
/// After a set that took a third of `ack_wait`, what came with it and was too much for it may be delivered
/// to another worker soon.
const STALE_AFTER_PART: u32 = 3;
/// How long a worker that is asked to end works on what it has: a set is done well before, unless a
/// dependency hangs. What is not done by then is given back.
pub(crate) const FINISH_WITHIN: Duration = Duration::from_secs(12);
/// Between two pulls when the broker does not answer.
const PULL_AGAIN_AFTER: Duration = Duration::from_millis(200);

/// What every loop of a worker shares.
pub(crate) struct Loop {
    pub(crate) stages: Stages,
    pub(crate) publisher: Publisher,
    /// Outcomes in one message.
    pub(crate) max_batch: usize,
}

impl Loop {
    /// Takes `step` for all that `puller` brings until `shutdown`, and then for what was asked for
    /// already, so that no message needs to be delivered again because this worker ends.
    pub(crate) async fn run(&self, step: Step, mut puller: Fetcher, shutdown: CancellationToken) {
        let ending = Ending { shutdown: shutdown.clone(), by: OnceCell::new() };
        while let Some(pulled) = shutdown.run_until_cancelled(puller.next(SET_RECORDS)).await {
            match pulled {
                Ok(deliveries) => {
                    let begun = Instant::now();
                    let is_small = is_small(&deliveries);
                    self.handle(step, deliveries, &mut puller, &ending).await;
                    if begun.elapsed() > ack_wait() / STALE_AFTER_PART {
                        puller.nak().await;
                    }
                    if is_small {
                        shutdown.run_until_cancelled(sleep_until(begun + GATHER)).await;
                    }
                }
                Err(err) => {
                    tracing::warn!(error = with_causes(&err), "pulling again");
                    shutdown.run_until_cancelled(sleep(PULL_AGAIN_AFTER)).await;
                }
            }
        }
        puller.finish();
        while let Ok(Ok(deliveries)) = timeout_at(ending.by(), puller.next(SET_RECORDS)).await {
            if deliveries.is_empty() {
                return;
            }
            self.handle(step, deliveries, &mut puller, &ending).await;
        }
        puller.nak().await;
    }

    /// Works on all records and settles their messages. While a dependency is away, nothing more is
    /// pulled and the messages stay in hand, for a while.
    async fn handle(
        &self,
        step: Step,
        deliveries: Vec<Delivery>,
        puller: &mut Fetcher,
        ending: &Ending,
    ) {
        let shutdown = &ending.shutdown;
        for delivery in &deliveries {
            delivery.ack_too_early().await;
        }
        stop_at(step, Stop::Fetched);
        let done = while_telling(&deliveries, async {
            let kept_until = Instant::now() + KEEP_IN_HAND;
            let mut pause = LOOK_AGAIN_FIRST;
            while self.work_and_publish(step, &deliveries).await.is_err() {
                puller.nak().await;
                let back = timeout_at(kept_until, self.until_dependencies_are_back(step, pause));
                if !matches!(shutdown.run_until_cancelled(back).await, Some(Ok(()))) {
                    return false;
                }
                pause = longer(pause);
            }
            true
        });
        let done = tokio::select! {
            biased;
            done = done => done,
            () = ending.is_late() => false,
        };
        if done {
            stop_at(step, Stop::Published);
            settle(deliveries, Delivery::ack).await;
            stop_at(step, Stop::Acked);
        } else {
            // What is given back by one who still pulls comes to the same one again.
            puller.nak().await;
            settle(deliveries, Delivery::nak).await;
            if shutdown.is_cancelled() {
                stopped_in_order(&self.stages, step).await;
            }
            let back = self.until_dependencies_are_back(step, LOOK_AGAIN_LAST);
            shutdown.run_until_cancelled(back).await;
        }
    }

    async fn work_and_publish(&self, step: Step, deliveries: &[Delivery]) -> Result<(), Down> {
        let (alone, together): (Vec<&Delivery>, Vec<&Delivery>) =
            deliveries.iter().partition(|delivery| delivery.delivered >= ALONE_FROM_DELIVERY);
        for (set, is_alone) in [(together, false), (alone, true)] {
            let records: Vec<Record> = set.iter().flat_map(|it| it.records.clone()).collect();
            let worked = if is_alone {
                one_by_one(&self.stages, step, &records).await
            } else {
                work(&self.stages, step, &records).await
            };
            let worked = worked.map_err(|err| {
                tracing::warn!(%step, error = with_causes(&err), "waiting until it is back");
                Down
            })?;
            stop_at(step, Stop::Committed);
            let most = self.max_batch;
            publish(&self.publisher, step, &records, worked, most).await.map_err(|err| {
                tracing::warn!(%step, error = with_causes(&err), "outcomes not stored, once more");
                Down
            })?;
        }
        Ok(())
    }

    /// Waits for about `pause`, and then until all that the step depends on is there.
    async fn until_dependencies_are_back(&self, step: Step, mut pause: Duration) {
        loop {
            sleep(rand::rng().random_range(pause / 2..=pause)).await;
            match self.stages.probe(step).await {
                Ok(()) => return tracing::info!(%step, "going on"),
                Err(err) => tracing::debug!(%step, error = with_causes(&err), "still away"),
            }
            pause = longer(pause);
        }
    }
}

/// When a loop must be at its end.
struct Ending {
    shutdown: CancellationToken,
    by: OnceCell<Instant>,
}

impl Ending {
    /// Waits until a worker that is asked to end has had its time.
    async fn is_late(&self) {
        self.shutdown.cancelled().await;
        sleep_until(self.by()).await;
    }

    /// The end of that time, which begins with the first question for it.
    fn by(&self) -> Instant {
        *self.by.get_or_init(|| Instant::now() + FINISH_WITHIN)
    }
}

fn is_small(set: &[Delivery]) -> bool {
    let records: usize = set.iter().map(|delivery| delivery.records.len()).sum();
    records < SMALL_SET_RECORDS && set.len() < SMALL_SET_MESSAGES
}

fn longer(pause: Duration) -> Duration {
    (pause * 2).min(LOOK_AGAIN_LAST)
}

/// A dependency is away, and it has been said in the log.
struct Down;

/// Does `work` while telling the broker now and then that it goes on.
async fn while_telling<T>(deliveries: &[Delivery], work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    loop {
        match timeout(ack_wait() / PROGRESS_REPORTS, &mut work).await {
            Ok(done) => return done,
            Err(_) => {
                for delivery in deliveries {
                    delivery.progress().await;
                }
            }
        }
    }
}

async fn settle(deliveries: Vec<Delivery>, how: impl AsyncFn(Delivery)) {
    for delivery in deliveries {
        how(delivery).await;
    }
}

/// The loops of a step: one for its retries, and some for its events, so that one set is computed while
/// others wait for the provider, the database or the brokers. Inventory has one: a second set would wait
/// for the SKUs that the first one has locked.
pub(crate) fn sources(step: Step) -> Vec<Source> {
    let sets = match step {
        Step::Reserve | Step::Release => 1,
        Step::Charge => 3,
        Step::Refund | Step::Ship | Step::Withdraw => 2,
    };
    iter::once(step.retries()).chain(iter::repeat_n(step.events(), sets)).collect()
}
