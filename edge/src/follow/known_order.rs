//! What is known of a followed order: pure. Its status never goes backwards, and no status that was reached before the
//! one of an event is left out if a look-up has it.

use orders::{Event, EventBody, OrderView, Reason, Status, StatusChange};

/// The way of an order up to now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) status: Status,
    /// Why it was rejected or cancelled.
    pub(crate) reason: Option<Reason>,
    /// The statuses that it has reached, oldest first; none while no worker has processed it.
    pub(crate) history: Vec<StatusChange>,
}

/// What is known of an order, and the events that cannot be joined to it yet.
#[derive(Debug, Default)]
pub(super) struct KnownOrder {
    progress: Option<Progress>,
    /// Events before which something is missing, at most one for each status.
    early: Vec<EarlyChange>,
    /// How many events were kept.
    arrivals: u64,
}

/// A status that an event says was reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reached {
    change: StatusChange,
    reason: Option<Reason>,
}

#[derive(Debug)]
struct EarlyChange {
    arrival: u64,
    reached: Reached,
}

/// When a look-up began: it shows every event that had come before.
#[derive(Debug, Clone, Copy)]
pub(super) struct LookupStart(u64);

/// What an event or a look-up has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Nothing,
    /// The status is another one.
    Advanced,
    /// Something was reached, and it takes a look-up to know what was reached before.
    Unclear,
}

impl Progress {
    /// What the rows of an order say; without rows it is accepted.
    fn of(view: Option<&OrderView>) -> Self {
        match view {
            Some(view) => Self {
                status: view.status,
                reason: view.reason.clone(),
                history: view.history.clone(),
            },
            None => Self { status: Status::Accepted, reason: None, history: Vec::new() },
        }
    }

    fn is_before(&self, status: Status) -> bool {
        !self.status.is_final() && self.status < status
    }

    fn advance(&mut self, reached: Reached) {
        self.status = reached.change.status;
        self.history.push(reached.change);
        self.reason = reached.reason.or(self.reason.take());
    }
}

impl Reached {
    /// What an event says; `None` if it changes no status.
    pub(super) fn by(event: Event) -> Option<Self> {
        let status = Status::Accepted.after(event.body.kind());
        let reason = match event.body {
            EventBody::Rejected { reason } => Some(Reason::Rejected(reason)),
            EventBody::Withdrawn { reason }
            | EventBody::Refunded { reason, .. }
            | EventBody::Cancelled { reason } => Some(Reason::Cancelled(reason)),
            _ => None,
        };
        let change = StatusChange { status, at: event.at };
        (status != Status::Accepted).then_some(Self { change, reason })
    }
}

impl KnownOrder {
    /// `None` before a look-up has been answered.
    pub(super) fn progress(&self) -> Option<&Progress> {
        self.progress.as_ref()
    }

    /// An event has come.
    pub(super) fn apply(&mut self, reached: Reached) -> Effect {
        let status = reached.change.status;
        match &mut self.progress {
            Some(progress) if !progress.is_before(status) => Effect::Nothing,
            Some(progress) if self.early.is_empty() && status.follows(progress.status) => {
                progress.advance(reached);
                Effect::Advanced
            }
            _ if self.early.iter().any(|it| it.reached.change.status == status) => Effect::Nothing,
            _ => {
                self.arrivals += 1;
                self.early.push(EarlyChange { arrival: self.arrivals, reached });
                Effect::Unclear
            }
        }
    }

    /// A look-up begins.
    pub(super) const fn begin_lookup(&self) -> LookupStart {
        LookupStart(self.arrivals)
    }

    /// A look-up that began at `start` was answered with `view`.
    pub(super) fn learn(&mut self, start: LookupStart, view: Option<&OrderView>) -> Effect {
        let before = self.status();
        let seen = Progress::of(view);
        let is_newer = self
            .progress
            .as_ref()
            .is_none_or(|known| known.is_before(seen.status) || known.status == seen.status);
        if is_newer {
            self.progress = Some(seen);
        }
        self.join_early(start).unwrap_or(if self.status() == before {
            Effect::Nothing
        } else {
            Effect::Advanced
        })
    }

    /// A look-up was not answered: what the events say is all there is.
    pub(super) fn learn_nothing(&mut self) -> Effect {
        let before = self.status();
        self.join_early(LookupStart(self.arrivals));
        if self.status() == before { Effect::Nothing } else { Effect::Advanced }
    }

    fn status(&self) -> Option<Status> {
        self.progress.as_ref().map(|progress| progress.status)
    }

    /// Joins the events that came early: those that a look-up, begun at `start`, would have shown in their place, and
    /// those that follow. Returns that it is unclear if others remain.
    fn join_early(&mut self, start: LookupStart) -> Option<Effect> {
        self.early.sort_by_key(|early| early.reached.change.status);
        for EarlyChange { arrival, reached } in std::mem::take(&mut self.early) {
            let status = reached.change.status;
            let Some(progress) = &mut self.progress else {
                let history = vec![reached.change];
                self.progress = Some(Progress { status, reason: reached.reason, history });
                continue;
            };
            if !progress.is_before(status) {
                continue;
            }
            let is_shown = arrival <= start.0;
            if self.early.is_empty() && (is_shown || status.follows(progress.status)) {
                progress.advance(reached);
            } else {
                self.early.push(EarlyChange { arrival, reached });
            }
        }
        (!self.early.is_empty()).then_some(Effect::Unclear)
    }
}

#[cfg(test)]
mod tests;
