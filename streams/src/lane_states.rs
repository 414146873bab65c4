//! What a process knows of the lanes: who leads each, whether it takes messages, and whether it answers.
//! Everything in the process that publishes or fetches shares it, so that a lane that has failed once is
//! passed over by all.

mod health;
mod hedge_budget;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use orders::EventKind;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::limits::{
    LANE_IN_USE_FOR, LANE_NOTICE_INTERVAL, LANES_PER_MESSAGE_MAX, LANES_REFRESH_INTERVAL,
    ROUTE_UNANSWERED_AFTER,
};
use crate::silence::{InFlight, Silence};
use crate::{Admission, Lane};
use health::LaneHealth;
use hedge_budget::HedgeBudget;

/// What is known of all lanes. Cheap to clone; clones share it.
#[derive(Clone)]
pub(crate) struct LaneStates(Arc<Shared>);

/// What the brokers say of a lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SeenLane {
    /// Whether it takes messages.
    pub(crate) is_open: bool,
    pub(crate) leader: Option<String>,
}

struct Shared {
    states: Mutex<States>,
    /// Counts the times that a lane began to be used.
    uses: watch::Sender<u64>,
}

#[derive(Default)]
struct States {
    lanes: BTreeMap<Lane, LaneState>,
    hedges: HedgeBudget,
    /// When the brokers were last asked.
    asked_at: Option<Instant>,
    /// The lane that this process has put a message into last.
    last_used: Option<Lane>,
    /// Since when no lane took a message.
    none_available_since: Option<Instant>,
}

#[derive(Default)]
struct LaneState {
    is_open: bool,
    leader: Option<String>,
    admission: Admission,
    /// Whether it would not keep what it acknowledges.
    is_unproven: bool,
    silence: Silence,
    health: LaneHealth,
    /// When a message was last put there, as far as is known.
    used_at: Option<Instant>,
    /// When this process last said that it puts messages there.
    noticed_at: Option<Instant>,
}

impl Default for LaneStates {
    fn default() -> Self {
        Self(Arc::new(Shared { states: Mutex::default(), uses: watch::Sender::new(0) }))
    }
}

impl LaneStates {
    /// The lanes for a message with events of this kind, in the order in which they are tried. It is
    /// fixed when the message is first sent: if it followed a lane that others move to in the meantime,
    /// the lane that has failed would be tried twice.
    pub(crate) fn order(&self, kind: EventKind) -> Vec<Lane> {
        let states = self.lock();
        let admits = |(_, state): &(Lane, &LaneState)| state.admits(kind);
        let mut order = states.by_rank();
        // If none admits it, a broker refuses it: the gates keep clients away, but not what is published
        // nevertheless.
        if order.iter().any(admits) {
            order.retain(admits);
        }
        order.into_iter().take(LANES_PER_MESSAGE_MAX).map(|(lane, _)| lane).collect()
    }

    /// All lanes that are known.
    pub(crate) fn all(&self) -> Vec<Lane> {
        self.lock().lanes.keys().copied().collect()
    }

    /// The broker that leads a lane, as far as is known.
    pub(crate) fn leader(&self, lane: Lane) -> Option<String> {
        self.lock().lanes.get(&lane)?.leader.clone()
    }

    /// Begins to wait for the answer to a message in `lane`.
    pub(crate) fn wait_for_answer(&self, lane: Lane) -> InFlight {
        let mut states = self.lock();
        states.hedges.count_send(Instant::now());
        let silence = states.lanes.get(&lane).map(|state| state.silence.clone());
        // Nothing is known of a lane that is gone.
        silence.unwrap_or_default().wait_for_answer()
    }

    /// Whether nothing at all comes back from a lane although something is waited for.
    pub(crate) fn is_overdue(&self, lane: Lane) -> bool {
        self.lock().lanes.get(&lane).is_some_and(|state| state.silence.is_overdue())
    }

    /// A message got no answer in a lane: it is passed over for a while.
    pub(crate) fn fail(&self, lane: Lane) {
        let is_new = self.change(lane, |state, now| state.health.fail(now));
        if is_new == Some(true) && self.all().len() > 1 {
            tracing::info!(%lane, "lane does not answer, messages go to another one");
        }
    }

    /// Whether one more message may be sent into a second lane because the first one is silent.
    pub(crate) fn may_hedge(&self) -> bool {
        self.lock().hedges.take(Instant::now())
    }

    /// Whether messages are answered in any lane, as far as is known.
    pub(crate) fn are_answered(&self) -> bool {
        let (states, now) = (self.lock(), Instant::now());
        let unavailable = states.none_available_since.map(|since| now.duration_since(since));
        let mut open = states.open().map(|(_, state)| state).peekable();
        unavailable.is_none_or(|duration| duration < ROUTE_UNANSWERED_AFTER)
            && (open.peek().is_none() || open.any(|state| state.silence.is_answered()))
    }

    /// No lane took a message.
    pub(crate) fn none_is_available(&self) {
        self.lock().none_available_since.get_or_insert(Instant::now());
    }

    /// Whether the brokers are to be asked for the lanes again. If so, the caller does it.
    pub(crate) fn must_ask(&self) -> bool {
        let (mut states, now) = (self.lock(), Instant::now());
        let is_due = states.asked_at.is_none_or(|at| now - at >= LANES_REFRESH_INTERVAL);
        if is_due {
            states.asked_at = Some(now);
        }
        is_due
    }

    /// What the brokers say of the lanes; `None` of one whose leader does not reply. Lanes that are not
    /// among them are gone.
    pub(crate) fn observe(&self, seen: &BTreeMap<Lane, Option<SeenLane>>) {
        let (mut states, now) = (self.lock(), Instant::now());
        states.lanes.retain(|lane, _| seen.contains_key(lane));
        if seen.values().flatten().any(|seen| seen.is_open) {
            states.none_available_since = None;
        }
        for (lane, seen) in seen {
            let state = states.lanes.entry(*lane).or_default();
            // Only a leader replies.
            state.health.observe(seen.is_some(), now);
            if let Some(SeenLane { is_open, leader }) = seen.clone() {
                state.is_open = is_open;
                state.leader = leader;
            }
        }
    }

    /// What a lane admits from now on.
    pub(crate) fn admit(&self, lane: Lane, admission: Admission) {
        self.change(lane, |state, _| state.admission = admission);
    }

    /// What the lane admits that admits most; `None` if there is none that takes messages.
    pub(crate) fn best_admission(&self) -> Option<Admission> {
        let states = self.lock();
        let proven = states.open().filter(|(_, state)| !state.is_unproven);
        proven.map(|(_, state)| state.admission).min()
    }

    /// The lanes that would not keep what they acknowledge, from now on.
    pub(crate) fn set_unproven(&self, unproven: &[Lane]) {
        for (lane, state) in &mut self.lock().lanes {
            state.is_unproven = unproven.contains(lane);
        }
    }

    /// A message was put into a lane, by this process. Returns whether other processes must be notified.
    pub(crate) fn use_lane(&self, lane: Lane) -> bool {
        let is_changed = {
            let mut states = self.lock();
            states.none_available_since = None;
            states.last_used.replace(lane) != Some(lane)
        };
        self.note_use(lane);
        let is_due = self.change(lane, |state, now| {
            let is_recent = state.noticed_at.is_some_and(|at| now - at < LANE_NOTICE_INTERVAL);
            let is_due = is_changed || (lane != Lane::FIRST && !is_recent);
            if is_due {
                state.noticed_at = Some(now);
            }
            is_due
        });
        is_due == Some(true)
    }

    /// A message was put into a lane, by any process.
    pub(crate) fn note_use(&self, lane: Lane) {
        let was_in_use = self.is_in_use(lane);
        self.change(lane, |state, now| state.used_at = Some(now));
        if !was_in_use {
            self.0.uses.send_modify(|uses| *uses += 1);
        }
    }

    /// Whether messages must be expected in a lane.
    pub(crate) fn is_in_use(&self, lane: Lane) -> bool {
        let (states, now) = (self.lock(), Instant::now());
        let is_used = |state: &LaneState| {
            state.used_at.is_some_and(|at| now.duration_since(at) < LANE_IN_USE_FOR)
        };
        let is_home = states.by_rank().first().is_some_and(|(home, _)| *home == lane);
        is_home || states.lanes.get(&lane).is_some_and(is_used)
    }

    /// Changes whenever a lane begins to be used.
    pub(crate) fn uses(&self) -> watch::Receiver<u64> {
        self.0.uses.subscribe()
    }

    fn change<T>(
        &self,
        lane: Lane,
        change: impl FnOnce(&mut LaneState, Instant) -> T,
    ) -> Option<T> {
        self.lock().lanes.get_mut(&lane).map(|state| change(state, Instant::now()))
    }

    fn lock(&self) -> MutexGuard<'_, States> {
        self.0.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl States {
    /// The lanes that take messages. The stream of a version without lanes takes them until there are some.
    fn open(&self) -> impl Iterator<Item = (Lane, &LaneState)> {
        let are_there_lanes = self.lanes.keys().any(|lane| !lane.is_legacy());
        let open = self.lanes.iter().filter(|(_, state)| state.is_open);
        let open = open.filter(move |(lane, _)| !(are_there_lanes && lane.is_legacy()));
        open.map(|(lane, state)| (*lane, state))
    }

    /// The lanes that take messages, in the order in which they are tried.
    fn by_rank(&self) -> Vec<(Lane, &LaneState)> {
        let now = Instant::now();
        let mut open: Vec<_> = self.open().collect();
        open.sort_by_key(|(lane, state)| (state.health.rank(now), *lane));
        open
    }
}

impl LaneState {
    /// Whether events of this kind may be put there.
    fn admits(&self, kind: EventKind) -> bool {
        let most = match kind {
            EventKind::Created => Admission::Open,
            EventKind::CancelRequested | EventKind::PaymentSubmitted => Admission::StreamFull,
            _ => Admission::OutcomesOnly,
        };
        !self.is_unproven && self.admission <= most
    }
}

#[cfg(test)]
mod tests;
