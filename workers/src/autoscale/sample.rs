//! What the autoscaler is fed with.

use std::time::Duration;

/// What is known of a pool at one time.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Sample {
    /// The time, on a clock that is never set.
    pub(crate) at: Duration,
    /// Orders that wait.
    pub(crate) orders: u64,
    /// What waits to be undone, which goes on whatever holds the pool.
    pub(crate) undo: u64,
    /// The age of the oldest of them.
    pub(crate) seconds: f64,
    /// Orders that were processed since the sample before.
    pub(crate) done: u64,
    /// Workers that pull.
    pub(crate) pulling: u32,
    /// Whether none of them has answered just now: all may be gone.
    pub(crate) is_asleep: bool,
    /// Whether no number of workers helps: the pool is paused, or what it calls is down.
    pub(crate) is_held: bool,
}
