//! How many orders came in, by what they were answered: counted for each batch, not for each order.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The orders that came since the start of the edge. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct OrderCounts(Arc<Counts>);

#[derive(Default)]
struct Counts {
    accepted: AtomicU64,
    unacknowledged: AtomicU64,
    refused: AtomicU64,
}

impl OrderCounts {
    /// Counts the orders of a batch, by whether it is known to be stored.
    pub(crate) fn count_batch(&self, orders: usize, is_stored: bool) {
        let count = if is_stored { &self.0.accepted } else { &self.0.unacknowledged };
        count.fetch_add(orders as u64, Ordering::Relaxed);
    }

    /// Counts an order that no gate lets pass.
    pub(crate) fn refuse(&self) {
        self.0.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Those accepted, those that were not acknowledged in time, and those refused.
    pub(crate) fn read(&self) -> (u64, u64, u64) {
        let Counts { accepted, unacknowledged, refused } = &*self.0;
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (read(accepted), read(unacknowledged), read(refused))
    }
}
