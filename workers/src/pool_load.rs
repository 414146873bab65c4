//! How many workers a pool needs by its setting and its backlog: what the autoscaler is fed with. Without I/O.

use std::collections::BTreeMap;
use std::time::Duration;

use streams::{Autoscale, ENDING, PoolBacklog, WorkerState};
use tokio::time::Instant;

use crate::autoscale::{Autoscaler, Sample};
use crate::limits::{SCALE_MEMORY, SCALE_WORKER_GONE_AFTER};

/// One pool, over time.
pub(crate) struct PoolLoad {
    /// Whether one of its workers must always run.
    is_always_needed: bool,
    /// Whether its setting has its number of workers follow its backlog.
    is_watched: bool,
    /// Present while it does, once enough was seen of its workers.
    autoscaler: Option<Autoscaler>,
    began_at: Instant,
    /// The first look of those that are not far apart, and the last one.
    looks: Option<(Instant, Instant)>,
    workers: BTreeMap<String, SeenWorker>,
}

/// A worker, as it was when it answered last: a busy one may answer too late once.
struct SeenWorker {
    at: Instant,
    processed: u64,
    is_pulling: bool,
    is_able: bool,
    is_ending: bool,
}

impl PoolLoad {
    /// Nothing is known yet.
    pub(crate) fn new(is_always_needed: bool) -> Self {
        Self {
            is_always_needed,
            is_watched: false,
            autoscaler: None,
            began_at: Instant::now(),
            looks: None,
            workers: BTreeMap::new(),
        }
    }

    /// Forgets what it has seen: another worker goes on.
    pub(crate) fn forget(&mut self) {
        *self = Self::new(self.is_always_needed);
    }

    /// How many workers the pool needs, by a look that began at `now`; `None` if its setting does not say, or while
    /// too little was seen.
    pub(crate) fn wanted(&mut self, backlog: &PoolBacklog, now: Instant) -> Option<u32> {
        let looked_for = self.note_look(now);
        let done = self.note_workers(&backlog.workers, now);
        let policy = match (backlog.setting.workers, backlog.setting.autoscale) {
            (None, Some(policy)) => policy,
            (by_hand, _) => {
                // Once that is taken back, as many as run are the start.
                (self.is_watched, self.autoscaler) = (false, None);
                return by_hand;
            }
        };
        self.is_watched = true;
        if self.autoscaler.is_none() && looked_for < SCALE_WORKER_GONE_AFTER {
            return None;
        }
        let min = policy.min.max(u32::from(self.is_always_needed));
        let policy = Autoscale { min, max: policy.max.max(min), ..policy };
        let sample = self.sample(backlog, done, now);
        let running = self.running(now).count() as u32;
        let autoscaler = self.autoscaler.get_or_insert_with(|| Autoscaler::new(running));
        Some(autoscaler.next(sample, &policy))
    }

    /// Whether it must be looked at all the time, since its number of workers follows its backlog.
    pub(crate) const fn is_watched(&self) -> bool {
        self.is_watched
    }

    fn sample(&self, backlog: &PoolBacklog, done: u64, now: Instant) -> Sample {
        let pulling = self.running(now).filter(|worker| worker.is_pulling);
        let (mut some, mut able) = (false, false);
        for worker in self.running(now) {
            (some, able) = (true, able || worker.is_able);
        }
        Sample {
            at: now - self.began_at,
            orders: backlog.lag.orders,
            undo: backlog.undo,
            seconds: backlog.lag.seconds,
            done,
            pulling: pulling.clone().count() as u32,
            is_asleep: !pulling.clone().any(|worker| worker.at == now),
            is_held: backlog.lag.paused || (some && !able),
        }
    }

    /// Its workers but those that are ending.
    fn running(&self, now: Instant) -> impl Iterator<Item = &SeenWorker> + Clone {
        let is_there = move |worker: &&SeenWorker| now - worker.at <= SCALE_WORKER_GONE_AFTER;
        self.workers.values().filter(is_there).filter(|worker| !worker.is_ending)
    }

    /// Takes note of a look. Returns for how long it has been looked at.
    fn note_look(&mut self, now: Instant) -> Duration {
        let looks = self.looks.filter(|(_, last)| now - *last <= SCALE_MEMORY);
        if looks.is_none() {
            self.autoscaler = None;
        }
        let (first, _) = *self.looks.insert((looks.map_or(now, |(first, _)| first), now));
        now - first
    }

    /// Takes note of what the workers report. Returns the number of orders that they have processed since then.
    fn note_workers(&mut self, reports: &BTreeMap<String, WorkerState>, now: Instant) -> u64 {
        self.workers.retain(|_, worker| now - worker.at <= SCALE_MEMORY);
        let mut done = 0;
        for (id, state) in reports {
            let processed = state.work.done + state.work.refused + state.work.dead;
            let seen = SeenWorker {
                at: now,
                processed,
                // One of an earlier version says nothing of it.
                is_pulling: state.pull.is_pulling || state.pull.state.is_empty(),
                is_able: state.breaker.as_deref().is_none_or(|breaker| breaker == "closed"),
                is_ending: state.pull.state == ENDING,
            };
            // What one had processed before it was seen was not processed now.
            let before = self.workers.insert(id.clone(), seen).map(|worker| worker.processed);
            done += processed.saturating_sub(before.unwrap_or(processed));
        }
        done
    }
}

#[cfg(test)]
mod tests {
    use streams::{PoolLag, PoolSetting, PullReport, WorkReport};

    use streams::Setting;

    use super::*;
    use crate::limits::SCALE_INTERVAL;

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
        let setting = PoolSetting::parse(json.as_bytes()).unwrap();
        PoolBacklog { lag, undo: 0, workers, setting }
    }

    const SCALED: &str = r#"{"autoscale":{"min":0,"max":8,"target_seconds":2}}"#;

    /// What is wanted after looks of three seconds.
    fn wanted(load: &mut PoolLoad, backlog: &PoolBacklog) -> Option<u32> {
        let start = Instant::now();
        (0..6).map(|look| load.wanted(backlog, start + look * SCALE_INTERVAL)).last().flatten()
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
    fn once_a_number_is_taken_back_that_was_set_by_hand_as_many_as_run_are_the_start() {
        let both = r#"{"workers":2,"autoscale":{"min":0,"max":8,"target_seconds":2}}"#;
        let workers = [("a", worker(0, None)), ("b", worker(0, None))];
        let mut load = PoolLoad::new(false);
        assert_eq!(wanted(&mut load, &backlog(both, 100, &workers)), Some(2));
        let start = Instant::now() + 6 * SCALE_INTERVAL;
        assert_eq!(load.wanted(&backlog(SCALED, 0, &workers), start), Some(2));
    }

    #[test]
    fn nothing_is_said_until_every_worker_had_the_time_to_answer() {
        let (mut load, start) = (PoolLoad::new(false), Instant::now());
        let ending = WorkerState { pull: PullReport::default().of_ending(), ..worker(0, None) };
        let mut look = |millis: u64, ids: &[&str]| {
            let mut workers: Vec<_> = ids.iter().map(|id| (*id, worker(0, None))).collect();
            workers.push(("ending", ending.clone()));
            load.wanted(&backlog(SCALED, 0, &workers), start + Duration::from_millis(millis))
        };
        assert_eq!(look(0, &["a"]), None);
        assert_eq!(look(500, &["a", "b"]), None);
        assert_eq!(look(1_000, &["c"]), None);
        assert_eq!(look(1_600, &["a"]), Some(3));
        assert_eq!(look(10_000, &["a"]), None, "too long ago");
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
    fn a_worker_that_is_ending_or_gone_keeps_no_pool_asleep() {
        let ending = WorkerState { pull: PullReport::default().of_ending(), ..worker(0, None) };
        for last in [vec![("a", ending)], Vec::new()] {
            let mut load = PoolLoad::new(false);
            assert_eq!(wanted(&mut load, &backlog(SCALED, 0, &[])), Some(0));
            let at = Instant::now() + 6 * SCALE_INTERVAL;
            load.wanted(&backlog(SCALED, 0, &[("a", worker(0, None))]), at);
            assert_eq!(load.wanted(&backlog(SCALED, 1, &last), at + SCALE_INTERVAL), Some(1));
        }
    }

    #[test]
    fn orders_count_once_also_if_a_worker_misses_looks_and_those_of_before_do_not_count() {
        let (mut load, start) = (PoolLoad::new(false), Instant::now());
        let mut look = |seconds: u64, reports: &[(&str, u64)]| {
            let reports = reports.iter().map(|(id, done)| ((*id).to_owned(), worker(*done, None)));
            load.note_workers(&reports.collect(), start + Duration::from_secs(seconds))
        };
        assert_eq!(look(0, &[("a", 100), ("b", 10)]), 0);
        assert_eq!(look(1, &[("a", 150)]), 50);
        assert_eq!(look(4, &[("a", 150), ("b", 30)]), 20);
        assert_eq!(look(5, &[("a", 160), ("c", 5)]), 10);
        assert_eq!(look(15, &[("a", 160), ("b", 9_000)]), 0, "in a time that is not looked at");
    }
}
