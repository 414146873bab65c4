//! Pools and steps: who processes which events, and through which durable consumers. The steps
//! themselves are declared by the stages that run them.

use std::fmt;

use orders::{EventKind, OrderId};

use crate::{Lane, subjects};

/// The workers of one stage, by name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pool(&'static str);

/// One unit of work on one order: an action of a pool, or its undo.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The step's name, a verb. It is unique over all pools.
    pub name: &'static str,
    /// The pool that runs the step.
    pub pool: Pool,
    /// The part that the step has in an order's life.
    pub kind: StepKind,
    /// The kinds of events that trigger the step. Several steps may consume the same kind.
    pub consumes: &'static [EventKind],
}

/// The part that a step has in an order's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepKind {
    /// It moves an order forward.
    Action,
    /// It undoes the action of its pool.
    Undo,
    /// It completes an action that had to wait for something outside the cluster.
    Completion,
    /// It only observes: no order waits for it, so it never stops intake. What it misses, it
    /// rebuilds from rows.
    Observer,
}

/// Where the messages of a step wait: the durable consumer of this name in every lane, or that of the
/// step's retries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The name of the durable consumers.
    pub durable: String,
    messages: Messages,
}

/// What waits in a source.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Messages {
    /// Batches of these events, in every lane.
    Events(&'static [EventKind]),
    /// Records of the step of this name that are due for a retry.
    Retries(&'static str),
}

/// One durable consumer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Durable {
    /// Its stream.
    pub stream: &'static str,
    /// Its name.
    pub name: String,
    /// The subjects that it filters on.
    pub(crate) subjects: Vec<String>,
}

impl Source {
    /// The durable consumers of the source, in `lanes` or in the stream of retries.
    pub fn durables(&self, lanes: &[Lane]) -> Vec<Durable> {
        let durable = |stream, subjects| Durable { stream, name: self.durable.clone(), subjects };
        match self.messages {
            Messages::Events(_) => lanes.iter().filter_map(|lane| self.in_lane(*lane)).collect(),
            Messages::Retries(step) => vec![durable(subjects::RETRIES, vec![retry_subject(step)])],
        }
    }

    /// The durable consumer in `lane`; `None` for retries, which are in no lane.
    pub(crate) fn in_lane(&self, lane: Lane) -> Option<Durable> {
        let Messages::Events(kinds) = self.messages else { return None };
        let subjects = kinds.iter().map(|kind| lane.event_subject(*kind)).collect();
        Some(Durable { stream: lane.stream(), name: self.durable.clone(), subjects })
    }

    /// Whether the source is in every lane.
    pub(crate) const fn is_in_lanes(&self) -> bool {
        matches!(self.messages, Messages::Events(_))
    }
}

impl fmt::Display for Durable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.stream, self.name)
    }
}

impl Pool {
    /// The pool of this name: one word in lower case, which is part of subjects and durables.
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// The pool's name.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl Step {
    /// Whether no order waits for the step.
    pub fn is_observer(&self) -> bool {
        self.kind == StepKind::Observer
    }

    /// The source of the step's events. A step that is not its pool's action has its own durable,
    /// so that a long queue of new work never delays it.
    pub fn events(&self) -> Source {
        let suffix = match self.kind {
            StepKind::Action | StepKind::Observer => "",
            StepKind::Undo => "-undo",
            StepKind::Completion => "-completion",
        };
        let messages = Messages::Events(self.consumes);
        Source { durable: format!("{}{suffix}", self.pool), messages }
    }

    /// The source of the step's records that are due for a retry.
    pub fn retries(&self) -> Source {
        Source { durable: format!("retry-{self}"), messages: Messages::Retries(self.name) }
    }

    /// The subject on which the step's records arrive that are due for a retry.
    pub(crate) fn retry_subject(&self) -> String {
        retry_subject(self.name)
    }

    /// The subject of one record's scheduled retry. The broker keeps one schedule per subject, so a
    /// repeat replaces the last one; `record` distinguishes two records of the same order, and two
    /// copies of one.
    pub(crate) fn schedule_subject(&self, order: OrderId, record: &str) -> String {
        format!("schedule.retry.{self}.{order}.{record}")
    }

    /// The subject for dead letters of the step's pool.
    pub(crate) fn dead_subject(&self) -> String {
        format!("dead.{}", self.pool)
    }
}

fn retry_subject(step: &str) -> String {
    format!("retry.{step}")
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name)
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl fmt::Display for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(name: &'static str, kind: StepKind) -> Step {
        let consumes = &[EventKind::Declined, EventKind::Refunded];
        Step { name, pool: Pool::new("inventory"), kind, consumes }
    }

    #[test]
    fn a_step_and_its_undo_have_separate_durables() {
        assert_eq!(step("reserve", StepKind::Action).events().durable, "inventory");
        let release = step("release", StepKind::Undo);
        assert_eq!(release.events().durable, "inventory-undo");
        let durables = release.events().durables(&[Lane::FIRST]);
        assert_eq!(durables[0].subjects, ["orders.1.declined", "orders.1.refunded"]);
        assert_eq!(release.retries().durable, "retry-release");
    }

    #[test]
    fn the_streams_store_every_subject_of_a_step() {
        let release = step("release", StepKind::Undo);
        let scheduled = release.schedule_subject(OrderId::from_bytes([7; 16]), "c0ffee00");
        let is_stored = |stored_subjects: &[&str], subject: &str| {
            stored_subjects.iter().any(|stored| is_match(stored, subject))
        };
        let [in_lane] = &release.events().durables(&[Lane::FIRST])[..] else { panic!() };
        assert!(is_stored(&[&Lane::FIRST.open_subjects()], &in_lane.subjects[0]));
        assert!(is_stored(&subjects::RETRIES_SUBJECTS, &scheduled));
        assert!(is_stored(&subjects::RETRIES_SUBJECTS, &release.retry_subject()));
        assert!(is_stored(&subjects::DEAD_LETTERS_SUBJECTS, &release.dead_subject()));
    }

    fn is_match(pattern: &str, subject: &str) -> bool {
        pattern.split('.').count() == subject.split('.').count()
            && pattern
                .split('.')
                .zip(subject.split('.'))
                .all(|(one, other)| one == "*" || one == other)
    }
}
