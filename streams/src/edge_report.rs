//! What an edge says about itself.

use serde::{Deserialize, Serialize};

/// The state of an edge, and what it has answered since its start.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EdgeReport {
    /// Whether it accepts new orders: `accepting`, or why not, or [`INVALID`](crate::INVALID) if it accepts them and
    /// what is in the bucket is not in force.
    pub state: String,
    /// The revision of the setting that is in force; 0 if there is none.
    pub revision: u64,
    /// Why what is in the bucket is not in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Orders that are stored, repeats included.
    pub accepted: u64,
    /// Those that no broker has acknowledged in time: they may be stored.
    pub unacknowledged: u64,
    /// Those that came while it accepted none.
    pub refused: u64,
}
