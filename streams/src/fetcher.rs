//! Fetches the messages of a step from the durable consumers of its source: in every lane that is in use,
//! or from the stream of retries.

mod durable_fetcher;
mod fetch_error;
mod late_requests;
mod pull_failure;
mod pull_log;
mod pull_request;

use std::collections::BTreeMap;
use std::iter;

use futures_util::future::{FutureExt, join_all, select_all};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use crate::limits::LANES_RECHECK_INTERVAL;
use crate::pull_gate::Pull;
use crate::routes::Routes;
use crate::{Delivery, Durable, Lane, PullGate, Source};
use durable_fetcher::DurableFetcher;
pub use fetch_error::FetchError;
pub use pull_failure::PullFailure;
use pull_log::PullLogs;

/// Fetches from the durable consumers of one source.
pub struct Fetcher {
    routes: Routes,
    /// `None` if it fetches from one durable alone.
    source: Option<Source>,
    fetchers: BTreeMap<Durable, DurableFetcher>,
    /// Changes when a lane begins to be used.
    uses: watch::Receiver<u64>,
    is_stopping: bool,
    logs: PullLogs,
    /// What decides whether it may pull; without one it always may.
    gate: Option<Gate>,
}

/// A gate, and what changes with its decision.
struct Gate {
    pulls: PullGate,
    changes: watch::Receiver<()>,
}

impl Fetcher {
    /// A fetcher for `source`. Sends nothing to the broker yet.
    pub fn new(routes: impl Into<Routes>, source: Source) -> Self {
        Self::with_logs(routes.into(), Some(source), PullLogs::default())
    }

    /// `count` fetchers for `source`, which log the failures of their requests as one.
    pub fn several(routes: &Routes, source: &Source, count: usize) -> impl Iterator<Item = Self> {
        let logs = PullLogs::default();
        let with_logs = move || Self::with_logs(routes.clone(), Some(source.clone()), logs.clone());
        iter::repeat_with(with_logs).take(count)
    }

    /// A fetcher for one durable consumer.
    pub(crate) fn of_durable(routes: impl Into<Routes>, durable: Durable) -> Self {
        let mut fetcher = Self::with_logs(routes.into(), None, PullLogs::default());
        fetcher.add(durable);
        fetcher
    }

    fn with_logs(routes: Routes, source: Option<Source>, logs: PullLogs) -> Self {
        let uses = routes.lanes.uses();
        Self {
            routes,
            source,
            fetchers: BTreeMap::new(),
            uses,
            is_stopping: false,
            logs,
            gate: None,
        }
    }

    /// The same, which pulls only what `gate` lets pass.
    #[must_use]
    pub fn behind(self, gate: &PullGate) -> Self {
        let gate = Gate { changes: gate.changes(), pulls: gate.clone() };
        Self { gate: Some(gate), ..self }
    }

    /// Waits for a message and takes those that are available with it, from all lanes: about
    /// `records_wanted` records in total of each, estimated from the size of earlier ones. After
    /// [`finish`](Self::finish), an empty result means that all requested messages have arrived.
    /// Cancel-safe: no message is lost.
    pub async fn next(&mut self, records_wanted: usize) -> Result<Vec<Delivery>, FetchError> {
        loop {
            let pull = self.ask_gate(records_wanted);
            self.update(matches!(pull, Pull::UpTo(_))).await;
            let records_wanted = match pull {
                Pull::UpTo(records) => records,
                // For what was requested before.
                Pull::NotBefore(_) | Pull::No => records_wanted,
            };
            let open: Vec<_> = self.fetchers.values_mut().filter(|it| it.must_fetch()).collect();
            if open.is_empty() && self.is_stopping {
                return Ok(Vec::new());
            }
            let fetched = async {
                if open.is_empty() {
                    return std::future::pending().await;
                }
                select_all(open.into_iter().map(|it| Box::pin(it.next(records_wanted)))).await.0
            };
            let gate_changes = self.gate.as_mut().map(|gate| &mut gate.changes);
            let set = tokio::select! {
                biased;
                fetched = fetched => fetched?,
                _ = self.uses.changed() => continue,
                () = changed_or_due(gate_changes, pull) => continue,
                () = sleep(LANES_RECHECK_INTERVAL) => continue,
            };
            // A lane that is not in use any more has nothing left.
            if !set.is_empty() {
                let set = self.add_what_has_arrived(set, records_wanted);
                if let Some(gate) = &self.gate {
                    gate.pulls.took(records_of(&set), Instant::now());
                }
                return Ok(set);
            }
        }
    }

    fn ask_gate(&self, records_wanted: usize) -> Pull {
        let gate = self.gate.as_ref().map(|gate| &gate.pulls);
        gate.map_or(Pull::UpTo(records_wanted), |gate| gate.ask(records_wanted, Instant::now()))
    }

    /// Stops sending pull requests: from now on `next` returns only what was already requested.
    /// That takes about a second if there are no messages.
    pub const fn finish(&mut self) {
        self.is_stopping = true;
    }

    /// Naks all messages that were requested but not returned by `next`. Waits for them to arrive:
    /// for a second, or for up to 4 s if the broker is slow.
    pub async fn nak(&mut self) {
        join_all(self.fetchers.values_mut().map(DurableFetcher::nak)).await;
    }

    /// The set, with the messages of other lanes that need not be waited for.
    fn add_what_has_arrived(
        &mut self,
        mut set: Vec<Delivery>,
        records_wanted: usize,
    ) -> Vec<Delivery> {
        for fetcher in self.fetchers.values_mut().filter(|fetcher| fetcher.is_open()) {
            if records_of(&set) >= records_wanted {
                break;
            }
            if let Some(Ok(arrived)) = fetcher.next(records_wanted).now_or_never() {
                set.extend(arrived);
            }
        }
        set
    }

    /// Has a fetcher for each lane, which sends requests while the lane is in use and the worker may pull.
    async fn update(&mut self, may_pull: bool) {
        if let Some(source) = &self.source {
            if source.is_in_lanes() {
                self.routes.refresh_lanes().await;
            }
            let durables = source.durables(&self.routes.lanes.all());
            self.fetchers.retain(|durable, it| it.is_open() || durables.contains(durable));
            for durable in durables {
                self.add(durable);
            }
        }
        for fetcher in self.fetchers.values_mut() {
            let lane = Lane::of_stream(fetcher.durable().stream);
            let is_in_use = lane.is_none_or(|lane| self.routes.lanes.is_in_use(lane));
            fetcher.set_stopping(self.is_stopping || !may_pull || !is_in_use);
        }
    }

    fn add(&mut self, durable: Durable) {
        let (routes, logs) = (&self.routes, &self.logs);
        self.fetchers.entry(durable).or_insert_with_key(|durable| {
            DurableFetcher::new(routes.clone(), durable.clone(), logs.of(durable))
        });
    }
}

/// Waits until the gate decides again, or until it lets something pass by its rate.
async fn changed_or_due(changes: Option<&mut watch::Receiver<()>>, pull: Pull) {
    let Some(changes) = changes else { return std::future::pending().await };
    let due = async {
        match pull {
            Pull::NotBefore(at) => sleep_until(at).await,
            Pull::UpTo(_) | Pull::No => std::future::pending().await,
        }
    };
    tokio::select! {
        // A gate that is dropped changes no more.
        Ok(()) = changes.changed() => {}
        () = due => {}
    }
}

fn records_of(set: &[Delivery]) -> usize {
    set.iter().map(|delivery| delivery.records.len()).sum()
}
