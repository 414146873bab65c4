//! The tasks behind followers: one for the events of all of them, and one for their look-ups.

use std::sync::Arc;

use futures_util::{StreamExt, stream};
use orders::{OrderId, OrderView};
use streams::{EventFeed, Fed};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use super::followed_orders::FollowedOrders;
use crate::limits::{LOOKUP_BATCH_MAX, RECHECK_TICK};
use crate::lookup::OrderLookup;

/// Subscribes while there are followers, and passes on what comes. Ends when the connection is closed.
pub(super) async fn run(feed: EventFeed, orders: Arc<FollowedOrders>) {
    loop {
        orders.wanted().await;
        let Ok(mut events) = feed.subscribe().await else { return };
        orders.set_subscribed();
        let mut tick = interval(RECHECK_TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                _ = tick.tick() => {
                    orders.recheck();
                    if orders.end_if_unused() {
                        break;
                    }
                }
                next = events.next() => match next {
                    Some(Fed::Batch(lines)) => orders.apply(&lines),
                    Some(Fed::Gap) => orders.note_gap(),
                    None => return,
                },
            }
        }
    }
}

/// Looks up the orders of which more has to be known: each once for all of its followers.
pub(super) async fn run_lookups(
    orders: Arc<FollowedOrders>,
    lookup: OrderLookup<OrderView>,
    mut unclear: mpsc::Receiver<OrderId>,
) {
    let unclear = stream::poll_fn(move |context| unclear.poll_recv(context));
    let learn = async |id| {
        let Some(start) = orders.begin_lookup(id) else { return };
        match lookup.get(id).await {
            Some(view) => orders.learn(id, start, view.as_deref()),
            None => orders.learn_nothing(id),
        }
    };
    unclear.for_each_concurrent(LOOKUP_BATCH_MAX, learn).await;
}
