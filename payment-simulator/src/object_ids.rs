//! The ids of objects: each holds the index of its object, and the run of the simulator.

use super::error::ApiError;

/// Writes and reads the ids of one run.
#[derive(Clone)]
pub(super) struct ObjectIds {
    /// Distinguishes the ids of this run from those of another run.
    run_id: String,
}

impl ObjectIds {
    pub(super) fn new(run_id: u32) -> ObjectIds {
        ObjectIds { run_id: format!("{run_id:08x}") }
    }

    pub(super) fn id(&self, prefix: &str, index: usize) -> String {
        format!("{prefix}{}{index:012x}", self.run_id)
    }

    /// The index in an id of this run, if it is below `count`.
    pub(super) fn index(&self, prefix: &str, id: &str, count: usize) -> Result<usize, ApiError> {
        id.strip_prefix(prefix)
            .and_then(|id| id.strip_prefix(&self.run_id))
            .filter(|digits| digits.len() == 12)
            .and_then(|digits| usize::from_str_radix(digits, 16).ok())
            .filter(|&index| index < count)
            .ok_or_else(|| ApiError::no_such_object(id))
    }
}
