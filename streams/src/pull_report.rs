//! What a worker says in its statistics about the setting of its pool.

use serde::{Deserialize, Serialize};

/// What a worker says about the setting of its pool.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PullReport {
    /// Whether it pulls, or `invalid` if what is in the bucket is not in force.
    pub state: String,
    /// The revision of the setting that is in force; 0 if there is none.
    pub revision: u64,
    /// Why what is in the bucket is not in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Whether it pulls.
    pub is_pulling: bool,
    /// How many workers of its pool pull, as it sees them, if the setting depends on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active: Option<usize>,
    /// Its part of the rate, in orders a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
}

impl PullReport {
    /// The report of a worker that is ending: it processes what it has pulled.
    #[must_use]
    pub fn of_ending(self) -> Self {
        Self { state: ENDING.to_owned(), is_pulling: false, ..self }
    }
}

/// The state of a worker that does not do what is in the bucket.
pub const INVALID: &str = "invalid";
/// The state of a worker that is ending.
pub const ENDING: &str = "ending";
