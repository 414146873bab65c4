//! The lanes that a connection has seen last.

use std::sync::{Arc, Mutex, PoisonError};

use crate::Lane;

/// The lanes that a connection has seen last. While the brokers elect the one that lists the streams,
/// these are used. Cheap to clone; clones share them.
#[derive(Clone, Default)]
pub(crate) struct KnownLanes(Arc<Mutex<Vec<Lane>>>);

impl KnownLanes {
    /// Keeps `lanes`, and returns them.
    pub(crate) fn keep(&self, lanes: Vec<Lane>) -> Vec<Lane> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&lanes);
        lanes
    }

    /// The lanes that were kept; `None` if there are none.
    pub(crate) fn get(&self) -> Option<Vec<Lane>> {
        let lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        (!lanes.is_empty()).then_some(lanes)
    }
}
