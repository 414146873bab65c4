//! One client that follows an order.

use std::sync::Arc;

use orders::{OrderId, OrderView, Status};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::followed_orders::FollowedOrders;
use super::known_order::{KnownOrder, LookupStart, Progress};

/// Follows an order until it is dropped. However slowly its client reads, it holds nothing but a place.
pub(crate) struct Follower {
    id: OrderId,
    orders: Arc<FollowedOrders>,
    known: watch::Receiver<KnownOrder>,
    ended: CancellationToken,
    _slot: OwnedSemaphorePermit,
}

/// A look-up of the order, which all of its followers learn from. One that is dropped was not answered.
pub(crate) struct Lookup {
    id: OrderId,
    orders: Arc<FollowedOrders>,
    start: Option<LookupStart>,
}

impl Follower {
    /// Begins to follow the order `id`, in a place of its own.
    pub(super) fn begin(
        id: OrderId,
        orders: Arc<FollowedOrders>,
        ended: CancellationToken,
        slot: OwnedSemaphorePermit,
    ) -> Self {
        let known = orders.join(id);
        Self { id, orders, known, ended, _slot: slot }
    }

    /// A look-up begins, whose answer is to be learned from.
    pub(crate) fn begin_lookup(&self) -> Lookup {
        let start = self.orders.begin_lookup(self.id);
        Lookup { id: self.id, orders: self.orders.clone(), start }
    }

    /// What is known of the order; `None` before a look-up has been answered.
    pub(crate) fn progress(&mut self) -> Option<Progress> {
        self.known.borrow_and_update().progress().cloned()
    }

    /// Waits until more is known than [`progress`](Self::progress) said. Returns `false` once followers must end.
    pub(crate) async fn changed(&mut self) -> bool {
        tokio::select! {
            biased;
            () = self.ended.cancelled() => false,
            changed = self.known.changed() => changed.is_ok(),
        }
    }

    /// Waits until the status `is_reached`, until `deadline`, or until followers must end.
    pub(crate) async fn wait_until(
        &mut self,
        deadline: Instant,
        is_reached: impl Fn(Status) -> bool,
    ) {
        let reached = async {
            while !self.progress().is_some_and(|progress| is_reached(progress.status)) {
                if !self.changed().await {
                    return;
                }
            }
        };
        timeout_at(deadline, reached).await.ok();
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.orders.leave(self.id);
    }
}

impl Lookup {
    /// It was answered with `view`: `None` if no worker has processed the order.
    pub(crate) fn answered(mut self, view: Option<&OrderView>) {
        if let Some(start) = self.start.take() {
            self.orders.learn(self.id, start, view);
        }
    }
}

impl Drop for Lookup {
    fn drop(&mut self) {
        if self.start.is_some() {
            self.orders.learn_nothing(self.id);
        }
    }
}
