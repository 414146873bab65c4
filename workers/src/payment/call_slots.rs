//! Slots for calls to the provider: a call waits until the limit allows it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

use super::call_limit::CallLimit;

/// The slots of one worker.
pub(super) struct CallSlots {
    limit: Mutex<CallLimit>,
    /// A slot may be free.
    freed: Notify,
}

/// The slot of one call; dropping it frees the slot.
pub(super) struct CallSlot<'a> {
    slots: &'a CallSlots,
    pub(super) started: Instant,
}

impl CallSlots {
    pub(super) fn new(maximum: usize) -> Self {
        Self { limit: Mutex::new(CallLimit::new(maximum)), freed: Notify::new() }
    }

    /// Waits for a slot.
    pub(super) async fn acquire(&self) -> CallSlot<'_> {
        loop {
            // A slot that is freed from here on leaves a notification.
            let freed = self.freed.notified();
            if self.try_start() {
                return CallSlot { slots: self, started: Instant::now() };
            }
            freed.await;
        }
    }

    /// The state of the limit, valid also if a previous holder of the lock panicked.
    pub(super) fn limit(&self) -> MutexGuard<'_, CallLimit> {
        self.limit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn try_start(&self) -> bool {
        let mut limit = self.limit();
        let has_started = limit.try_start();
        // One freed slot may have raised the limit, too, and then two calls may start.
        if has_started && limit.has_room() {
            self.freed.notify_one();
        }
        has_started
    }
}

impl Drop for CallSlot<'_> {
    fn drop(&mut self) {
        self.slots.limit().finish();
        self.slots.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::task::{JoinSet, yield_now};

    use super::*;

    #[tokio::test]
    async fn every_waiting_call_gets_a_slot_even_if_others_are_cancelled() {
        let slots = Arc::new(CallSlots::new(2));
        let held = (slots.acquire().await, slots.acquire().await);
        let mut calls = JoinSet::new();
        for number in 0..20 {
            let slots = Arc::clone(&slots);
            let call = calls.spawn(async move {
                let slot = slots.acquire().await;
                yield_now().await;
                drop(slot);
            });
            yield_now().await;
            if number % 3 == 0 {
                call.abort();
            }
        }
        drop(held);
        while calls.join_next().await.is_some() {}
        assert!(slots.limit().has_room());
    }
}
