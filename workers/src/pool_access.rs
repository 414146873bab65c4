//! What the workers of a pool do at the brokers, of which their permissions are made.

use orders::EventKind;
use streams::{Pool, Step};

/// What the workers of a pool do at the brokers, besides what all workers do.
#[derive(Debug, Clone)]
pub struct PoolAccess {
    /// The pool.
    pub pool: Pool,
    /// The steps that they run.
    pub steps: Vec<Step>,
    /// The events that they publish.
    pub publishes: &'static [EventKind],
    /// The subjects of the notices that they publish.
    pub notices: &'static [&'static str],
    /// The subjects of the requests that they answer.
    pub answers: Vec<&'static str>,
    /// Whether they remove from the streams what is not needed any more.
    pub purges: bool,
    /// Whether one of them must always run: they do or answer something without an order that waits.
    pub is_always_needed: bool,
}
