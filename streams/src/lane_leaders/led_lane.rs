//! Who leads a lane and its durable consumers, and who could.

use crate::{Durable, Lane};

/// A lane, and who leads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LedLane {
    pub(super) lane: Lane,
    pub(super) leader: Option<String>,
    pub(super) followers: Vec<Follower>,
    pub(super) durables: Vec<LedDurable>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Follower {
    pub(super) broker: String,
    /// Whether it is there at all.
    pub(super) is_present: bool,
    /// Whether it can lead at once. Under load a broker is a little behind most of the time.
    pub(super) is_ready: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LedDurable {
    pub(super) durable: Durable,
    pub(super) leader: Option<String>,
    pub(super) followers: Vec<Follower>,
}

impl LedLane {
    /// The leaders of the lane and of its durables.
    pub(super) fn leaders(&self) -> (Lane, Option<&String>, Vec<Option<&String>>) {
        let durables = self.durables.iter().map(|durable| durable.leader.as_ref()).collect();
        (self.lane, self.leader.as_ref(), durables)
    }
}
