//! A setting of a stream or durable consumer that is not what it must be.

use std::fmt;

use serde::Serialize;

use crate::Lane;

/// One difference between what is at the broker and what [`Topology`](crate::Topology) says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The stream, or the stream and the consumer: `ORDERS_1/payment`.
    pub name: String,
    /// What differs, such as `max age`.
    pub setting: &'static str,
    /// What is at the broker.
    pub found: String,
    /// What must be there.
    pub expected: String,
    /// What follows from it.
    pub impact: Impact,
}

/// What follows from a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Impact {
    /// An acknowledged order may be lost: edges put none into this lane, and accept none if it is not a
    /// lane or no lane is left. Workers correct it if they can.
    BreaksPromise,
    /// Orders may wait longer. Workers correct it.
    Corrected,
    /// An operator may want it: it is shown and not changed.
    Allowed,
}

/// The difference's setting if a whole stream or durable consumer is missing.
pub(super) const STREAM: &str = "stream";
pub(super) const DURABLE: &str = "durable consumer";
/// The setting of a bucket that was missing.
const BUCKET: &str = "bucket";
/// The difference's setting if a stream has lost messages by hand.
pub(super) const MESSAGES: &str = "messages";
const MISSING: &str = "missing";

impl Difference {
    pub(super) fn new(
        name: &str,
        setting: &'static str,
        (found, expected): (impl ToString, impl ToString),
        impact: Impact,
    ) -> Self {
        let (found, expected) = (found.to_string(), expected.to_string());
        Self { name: name.to_owned(), setting, found, expected, impact }
    }

    pub(super) fn missing_stream(name: &str) -> Self {
        Self::new(name, STREAM, (MISSING, "there"), Impact::BreaksPromise)
    }

    /// The same for the stream of settings: no order is in it.
    pub(super) fn missing_settings(name: &str) -> Self {
        Self { impact: Impact::Corrected, ..Self::missing_stream(name) }
    }

    pub(super) fn missing_durable(name: &str) -> Self {
        Self::new(name, DURABLE, (MISSING, "there"), Impact::Corrected)
    }

    /// The bucket of settings was created again: what was set is not any more.
    pub(super) fn missing_bucket(name: &str) -> Self {
        Self::new(name, BUCKET, (MISSING, "created, empty: nothing is set"), Impact::Corrected)
    }

    /// The lane whose stream differs; `None` if it is another stream, or a durable consumer.
    pub fn lane(&self) -> Option<Lane> {
        Lane::of_stream(&self.name)
    }

    /// Whether a whole stream or durable consumer is missing.
    pub fn is_missing(&self) -> bool {
        self.found == MISSING
    }

    /// What a person must do; `None` if the workers correct it, or if nothing is wrong.
    pub fn remedy(&self) -> Option<&'static str> {
        match (self.setting, self.impact) {
            (STREAM, Impact::Corrected) => Some(
                "each process keeps its last setting, one that starts has none: a worker that starts, or \
                 `millrace migrate`, creates it empty; then write the settings again",
            ),
            (STREAM, _) if self.is_missing() => Some(
                "unless the cluster is new, it was lost: find the brokers' stores or restore a \
                 backup; to create it: `millrace migrate`",
            ),
            (STREAM, _) => Some(
                "what it held may be lost: compare with `millrace audit --ledger`, then restart \
                 the edges",
            ),
            (MESSAGES, _) => Some(
                "`millrace audit` names the orders that this has stopped: request their \
                 cancellation; edges that have seen it accept orders again when they are restarted",
            ),
            ("deny purge", _) => Some(
                "the stream fills up, since it cannot be undone: back the stream up, delete it and \
                 restore it without this setting",
            ),
            ("storage" | "persist mode" | "retention" | "sealed", Impact::BreaksPromise) => Some(
                "if workers cannot change it, back the stream up, delete it and restore it with \
                 this setting",
            ),
            _ => None,
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, setting, found, expected, .. } = self;
        write!(f, "{name}: {setting} is {found}, expected {expected}")?;
        self.remedy().map_or(Ok(()), |remedy| write!(f, " ({remedy})"))
    }
}
