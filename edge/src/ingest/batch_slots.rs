//! How much of a shard batches may use, so that single orders always have room.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits::{BATCH_ORDERS_WAITING_MAX, BATCH_REQUESTS_MAX};

/// The requests with batches, and their orders that wait to be stored.
pub(crate) struct BatchSlots {
    requests: Arc<Semaphore>,
    orders: Arc<Semaphore>,
}

impl BatchSlots {
    pub(crate) fn new() -> Self {
        Self {
            requests: Arc::new(Semaphore::new(BATCH_REQUESTS_MAX)),
            orders: Arc::new(Semaphore::new(BATCH_ORDERS_WAITING_MAX)),
        }
    }

    /// A slot for one more request; `None` if there are as many as allowed.
    pub(crate) fn try_request(&self) -> Option<OwnedSemaphorePermit> {
        self.requests.clone().try_acquire_owned().ok()
    }

    /// Waits for a slot for one more order. Cancel-safe.
    pub(crate) async fn order(&self) -> OwnedSemaphorePermit {
        let slot = self.orders.clone().acquire_owned().await;
        slot.expect("the semaphore is never closed")
    }
}
