//! How many workers a pool needs by its setting and its backlog: what the autoscaler is fed with. Without I/O.

use std::collections::BTreeMap;

use streams::{Autoscale, PoolBacklog, WorkerState};
use tokio::time::Instant;

use crate::autoscale::{Autoscaler, Sample};
use crate::limits::SCALE_WORKER_GONE_AFTER;

/// One pool, over time.
pub(crate) struct PoolLoad {
    /// Whether one of its workers must always run.
    is_always_needed: bool,
    /// Present while the setting has it follow the backlog.
    autoscaler: Option<Autoscaler>,
    began_at: Instant,
    workers: BTreeMap<String, SeenWorker>,
}

/// A worker, as it was when it answered last: a busy one may answer too late once.
struct SeenWorker {
    at: Instant,
    processed: u64,
    is_pulling: bool,
    is_able: bool,
}

impl PoolLoad {
    /// Nothing is known yet.
    pub(crate) fn new(is_always_needed: bool) -> Self {
        let (autoscaler, workers) = (None, BTreeMap::new());
        Self { is_always_needed, autoscaler, began_at: Instant::now(), workers }
    }

    /// Forgets what it has seen: another worker goes on.
    pub(crate) fn forget(&mut self) {
        *self = Self::new(self.is_always_needed);
    }

    /// How many workers the pool needs; `None` if its setting does not say.
    pub(crate) fn wanted(&mut self, backlog: &PoolBacklog, now: Instant) -> Option<u32> {
        let done = self.note_workers(&backlog.workers, now);
        let Some(policy) = backlog.setting.autoscale else {
            self.autoscaler = None;
            return backlog.setting.workers;
        };
        let min = policy.min.max(u32::from(self.is_always_needed));
        let policy = Autoscale { min, max: policy.max.max(min), ..policy };
        let pulling = self.workers.values().filter(|worker| worker.is_pulling);
        let is_able = self.workers.is_empty() || self.workers.values().any(|worker| worker.is_able);
        let sample = Sample {
            at: now - self.began_at,
            orders: backlog.lag.orders,
            seconds: backlog.lag.seconds,
            done,
            pulling: pulling.count() as u32,
            is_held: backlog.lag.paused || !is_able,
        };
        let running = backlog.lag.workers as u32;
        let autoscaler = self.autoscaler.get_or_insert_with(|| Autoscaler::new(running));
        let wanted = autoscaler.next(sample, &policy);
        Some(backlog.setting.workers.unwrap_or(wanted))
    }

    /// Whether it must be looked at all the time, since its number of workers follows its backlog.
    pub(crate) const fn is_watched(&self) -> bool {
        self.autoscaler.is_some()
    }

    /// Takes note of what the workers report. Returns the number of orders that they have processed since then.
    fn note_workers(&mut self, reports: &BTreeMap<String, WorkerState>, now: Instant) -> u64 {
        let mut done = 0;
        for (id, state) in reports {
            let seen = SeenWorker {
                at: now,
                processed: state.work.done + state.work.refused + state.work.dead,
                // One of an earlier version says nothing of it.
                is_pulling: state.pull.is_pulling || state.pull.state.is_empty(),
                is_able: state.breaker.as_deref().is_none_or(|breaker| breaker == "closed"),
            };
            let before = self.workers.get(id).map_or(0, |worker| worker.processed);
            done += seen.processed.saturating_sub(before);
            self.workers.insert(id.clone(), seen);
        }
        self.workers.retain(|_, worker| now - worker.at <= SCALE_WORKER_GONE_AFTER);
        done
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use streams::{PoolLag, PoolSetting, PullReport, WorkReport};

    use streams::Setting;

    use super::*;

    fn worker(done: u64, breaker: Option<&str>) -> WorkerState {
        let pull =
            PullReport { is_pulling: true, state: "working".to_owned(), ..PullReport::default() };
        let work = WorkReport { done, ..WorkReport::default() };
        WorkerState { breaker: breaker.map(str::to_owned), pull, work }
    }

    fn backlog(json: &str, orders: u64, workers: &[(&str, WorkerState)]) -> PoolBacklog {
        let lag = PoolLag {
            orders,
            seconds: if orders > 0 { 9.0 } else { 0.0 },
            messages: orders,
            workers: workers.len() as u64,
            wanted: None,
            paused: false,
        };
        let workers = workers.iter().map(|(id, state)| ((*id).to_owned(), state.clone())).collect();
        PoolBacklog { lag, undo: 0, workers, setting: PoolSetting::parse(json.as_bytes()).unwrap() }
    }

    const SCALED: &str = r#"{"autoscale":{"min":0,"max":8,"target_seconds":2}}"#;

    /// What is wanted after two looks.
    fn wanted(load: &mut PoolLoad, backlog: &PoolBacklog) -> Option<u32> {
        let now = Instant::now();
        load.wanted(backlog, now);
        load.wanted(backlog, now + Duration::from_millis(500))
    }

    #[test]
    fn a_number_that_is_set_by_hand_comes_before_what_the_backlog_needs() {
        let both = r#"{"workers":3,"autoscale":{"min":0,"max":8,"target_seconds":2}}"#;
        for (json, expected) in
            [("{}", None), (r#"{"workers":3}"#, Some(3)), (both, Some(3)), (SCALED, Some(5))]
        {
            let mut load = PoolLoad::new(false);
            let backlog = backlog(json, 100, &[("a", worker(0, None))]);
            assert_eq!(wanted(&mut load, &backlog), expected, "{json}");
        }
    }

    #[test]
    fn a_pool_that_must_always_run_keeps_a_worker_whatever_the_minimum() {
        let idle = backlog(SCALED, 0, &[]);
        assert_eq!(wanted(&mut PoolLoad::new(false), &idle), Some(0));
        assert_eq!(wanted(&mut PoolLoad::new(true), &idle), Some(1));
    }

    #[test]
    fn what_more_workers_would_not_help_gets_none() {
        let open = [("a", worker(0, Some("open"))), ("b", worker(0, Some("half_open")))];
        let down = backlog(SCALED, 100, &open);
        assert_eq!(wanted(&mut PoolLoad::new(false), &down), Some(2));
        let one = [("a", worker(0, Some("open"))), ("b", worker(0, Some("closed")))];
        assert_eq!(wanted(&mut PoolLoad::new(false), &backlog(SCALED, 100, &one)), Some(8));
    }

    #[test]
    fn orders_count_once_also_if_a_worker_misses_a_look() {
        let (mut load, start) = (PoolLoad::new(false), Instant::now());
        let mut look = |seconds: u64, reports: &[(&str, u64)]| {
            let reports = reports.iter().map(|(id, done)| ((*id).to_owned(), worker(*done, None)));
            load.note_workers(&reports.collect(), start + Duration::from_secs(seconds))
        };
        assert_eq!(look(0, &[("a", 100), ("b", 10)]), 110);
        assert_eq!(look(1, &[("a", 150)]), 50);
        assert_eq!(look(2, &[("a", 150), ("b", 30)]), 20);
        assert_eq!(look(3, &[("a", 160), ("c", 5)]), 15);
    }
}
