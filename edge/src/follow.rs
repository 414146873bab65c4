//! Followed orders: what clients wait for is learned from the events that workers publish, and not asked for again and
//! again.
//!
//! An edge subscribes to these events while a client follows an order, once for all clients, and picks out those of the
//! orders that are followed. A follower looks its order up after it has begun to follow it, so that nothing is missed
//! in between. What is missed later is looked up: once for all followers of an order.

mod feed;
mod followed_orders;
mod follower;
mod known_order;

use std::sync::Arc;

use orders::{EventKind, OrderId, OrderView};
use streams::EventFeed;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::limits::{FOLLOW_START_TIMEOUT, FOLLOWERS_MAX};
use crate::lookup::OrderLookup;
use followed_orders::FollowedOrders;
pub(crate) use follower::Follower;
pub(crate) use known_order::Progress;

/// The events that an edge follows, in the sequence of the lifecycle: those that change a status. An order as it was
/// placed says something about a person, and is not among them.
pub const FOLLOWED_EVENTS: &[EventKind] = &[
    EventKind::Reserved,
    EventKind::Rejected,
    EventKind::RequiresAction,
    EventKind::Paid,
    EventKind::Declined,
    EventKind::Fulfilled,
    EventKind::Withdrawn,
    EventKind::Refunded,
    EventKind::Cancelled,
];

/// The orders that clients of this process follow. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Follows {
    orders: Arc<FollowedOrders>,
    slots: Arc<Semaphore>,
    /// Cancelled when followers must end.
    ended: CancellationToken,
}

impl Follows {
    /// Follows orders over `feed`, until the tasks that are returned are dropped. Followers are asked to end once
    /// `ended` is cancelled.
    pub(crate) fn start(
        feed: EventFeed,
        lookup: OrderLookup<OrderView>,
        ended: CancellationToken,
    ) -> (Self, [AbortOnDropHandle<()>; 2]) {
        let (orders, unclear) = FollowedOrders::new();
        let orders = Arc::new(orders);
        let tasks = [
            tokio::spawn(feed::run(feed, orders.clone())),
            tokio::spawn(feed::run_lookups(orders.clone(), lookup, unclear)),
        ];
        let slots = Arc::new(Semaphore::new(FOLLOWERS_MAX));
        (Self { orders, slots, ended }, tasks.map(AbortOnDropHandle::new))
    }

    /// Begins to follow an order: nothing that is published from now on is missed, or it is looked up. `None` if
    /// too many are followed.
    pub(crate) async fn follow(&self, id: OrderId) -> Option<Follower> {
        let slot = self.slots.clone().try_acquire_owned().ok()?;
        let follower = Follower::begin(id, self.orders.clone(), self.ended.clone(), slot);
        // Without a broker the status cannot be looked up either.
        timeout(FOLLOW_START_TIMEOUT, self.orders.subscribed()).await.ok();
        Some(follower)
    }
}

#[cfg(test)]
mod tests {
    use orders::Status;

    use super::*;

    #[test]
    fn the_events_that_are_followed_are_those_that_change_a_status() {
        let changing = EventKind::ALL.iter().copied().filter(|kind| {
            [Status::Accepted, Status::Paid].iter().any(|status| status.after(*kind) != *status)
        });
        assert_eq!(changing.collect::<Vec<_>>(), FOLLOWED_EVENTS);
    }
}
