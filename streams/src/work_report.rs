//! What a worker says in its statistics about the orders that it has processed.

use serde::{Deserialize, Serialize};

/// How many orders a worker has processed since its start, by their outcome, and how many it is processing. A
/// retry of an order counts each time.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct WorkReport {
    /// The step is completed.
    pub done: u64,
    /// The same, with a refusal as its outcome: out of stock, declined, conflicting, too late to cancel.
    pub refused: u64,
    /// The step has failed, or could not be attempted, and is scheduled again.
    pub retried: u64,
    /// The record is a dead letter.
    pub dead: u64,
    /// Those that it has pulled and not acknowledged yet.
    pub held: u64,
    /// How long it has had the oldest of these.
    pub held_seconds: f64,
}
