//! The orders that are followed, by id, and what is known of each. All followers of an order share it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use orders::{Event, OrderId, OrderView};
use rand::RngExt;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::known_order::{Effect, KnownOrder, LookupStart, Reached};
use crate::limits::{
    FEED_LINGER, FOLLOWERS_MAX, GAP_RECHECK_SPREAD, RECHECK_INTERVAL_MAX, RECHECK_INTERVAL_MIN,
    RECHECK_RETRY_AFTER,
};

/// The orders that are followed.
pub(super) struct FollowedOrders {
    orders: Mutex<Orders>,
    /// Whether their events come. Changed under the lock alone.
    subscribed: watch::Sender<bool>,
    /// Whether there are any.
    wanted: watch::Sender<bool>,
    /// Those to be looked up.
    unclear: mpsc::Sender<OrderId>,
}

struct Orders {
    by_id: HashMap<OrderId, Followed>,
    /// Since when there is none.
    empty_since: Instant,
}

/// One of them.
struct Followed {
    known: watch::Sender<KnownOrder>,
    followers: usize,
    /// Look-ups in flight.
    lookups: usize,
    /// When it is looked up again: what was missed is found out then.
    recheck_at: Instant,
}

impl FollowedOrders {
    /// No orders, and where those are named that are to be looked up.
    pub(super) fn new() -> (Self, mpsc::Receiver<OrderId>) {
        let (unclear, receiver) = mpsc::channel(FOLLOWERS_MAX);
        let orders = Orders { by_id: HashMap::new(), empty_since: Instant::now() };
        let (subscribed, wanted) = (watch::Sender::new(false), watch::Sender::new(false));
        (Self { orders: Mutex::new(orders), subscribed, wanted, unclear }, receiver)
    }

    /// One more follower of this order.
    pub(super) fn join(&self, id: OrderId) -> watch::Receiver<KnownOrder> {
        let mut orders = self.lock();
        let followed = orders.by_id.entry(id).or_insert_with(|| Followed {
            known: watch::Sender::default(),
            followers: 0,
            lookups: 0,
            recheck_at: Instant::now() + recheck_interval(),
        });
        followed.followers += 1;
        let known = followed.known.subscribe();
        self.wanted.send_if_modified(|wanted| !std::mem::replace(wanted, true));
        known
    }

    /// One less.
    pub(super) fn leave(&self, id: OrderId) {
        let mut orders = self.lock();
        let Entry::Occupied(mut entry) = orders.by_id.entry(id) else { return };
        entry.get_mut().followers -= 1;
        if entry.get().followers == 0 {
            entry.remove();
        }
        if orders.by_id.is_empty() {
            orders.empty_since = Instant::now();
        }
    }

    /// Waits until there are followers.
    pub(super) async fn wanted(&self) {
        // The sender is in `self`.
        self.wanted.subscribe().wait_for(|wanted| *wanted).await.ok();
    }

    /// Waits until their events come.
    pub(super) async fn subscribed(&self) {
        self.subscribed.subscribe().wait_for(|subscribed| *subscribed).await.ok();
    }

    /// From now on their events come.
    pub(super) fn set_subscribed(&self) {
        let _orders = self.lock();
        self.subscribed.send_replace(true);
    }

    /// Whether there has been no follower for a while. Then their events do not come any more, and the next
    /// follower waits for them again.
    pub(super) fn end_if_unused(&self) -> bool {
        let orders = self.lock();
        let is_unused = orders.by_id.is_empty() && orders.empty_since.elapsed() >= FEED_LINGER;
        if is_unused {
            self.wanted.send_replace(false);
            self.subscribed.send_replace(false);
        }
        is_unused
    }

    /// The events of a message.
    pub(super) fn apply(&self, lines: &[u8]) {
        let mut orders = self.lock();
        if orders.by_id.is_empty() {
            return;
        }
        for line in lines.split(|byte| *byte == b'\n') {
            let Some(id) = Event::order_id_of(line) else { continue };
            let Some(followed) = orders.by_id.get_mut(&id) else { continue };
            // What a newer version has written is found when the order is looked up again.
            let Some(reached) = Event::parse(line).ok().and_then(Reached::by) else { continue };
            let effect = followed.change(|known| known.apply(reached));
            // A look-up that is in flight may show it.
            if effect == Effect::Unclear && followed.lookups == 0 {
                self.request_lookup(id);
            }
        }
    }

    /// A look-up of an order begins.
    pub(super) fn begin_lookup(&self, id: OrderId) -> Option<LookupStart> {
        let mut orders = self.lock();
        let followed = orders.by_id.get_mut(&id)?;
        followed.lookups += 1;
        let start = followed.known.borrow().begin_lookup();
        Some(start)
    }

    /// The look-up that began at `start` was answered with `view`.
    pub(super) fn learn(&self, id: OrderId, start: LookupStart, view: Option<&OrderView>) {
        self.end_lookup(id, |followed| followed.change(|known| known.learn(start, view)));
    }

    /// A look-up was not answered.
    pub(super) fn learn_nothing(&self, id: OrderId) {
        self.end_lookup(id, |followed| {
            followed.recheck_within(RECHECK_RETRY_AFTER);
            followed.change(KnownOrder::learn_nothing)
        });
    }

    fn end_lookup(&self, id: OrderId, learn: impl FnOnce(&mut Followed) -> Effect) {
        let mut orders = self.lock();
        let Some(followed) = orders.by_id.get_mut(&id) else { return };
        followed.lookups = followed.lookups.saturating_sub(1);
        if learn(followed) == Effect::Unclear && followed.lookups == 0 {
            self.request_lookup(id);
        }
    }

    /// Events may have been missed: each order is looked up soon, spread over a while.
    pub(super) fn note_gap(&self) {
        for followed in self.lock().by_id.values_mut() {
            followed.recheck_within(GAP_RECHECK_SPREAD);
        }
    }

    /// Has the orders looked up for which it is time.
    pub(super) fn recheck(&self) {
        let (mut orders, now) = (self.lock(), Instant::now());
        let due = orders.by_id.iter_mut().filter(|(_, followed)| followed.recheck_at <= now);
        for (id, followed) in due {
            followed.recheck_at = now + recheck_interval();
            let is_final =
                |known: &KnownOrder| known.progress().is_some_and(|it| it.status.is_final());
            if !is_final(&followed.known.borrow()) {
                self.request_lookup(*id);
            }
        }
    }

    /// Without a place in the queue, which has one for each follower, the order is looked up the next time.
    fn request_lookup(&self, id: OrderId) {
        self.unclear.try_send(id).ok();
    }

    fn lock(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Followed {
    /// Changes what is known; followers are woken only if the status is another one.
    fn change(&self, change: impl FnOnce(&mut KnownOrder) -> Effect) -> Effect {
        let mut effect = Effect::Nothing;
        self.known.send_if_modified(|known| {
            let before = known.progress().map(|progress| progress.status);
            effect = change(known);
            known.progress().map(|progress| progress.status) != before
        });
        effect
    }

    fn recheck_within(&mut self, time: Duration) {
        let soon = Instant::now() + rand::rng().random_range(Duration::ZERO..=time);
        self.recheck_at = self.recheck_at.min(soon);
    }
}

fn recheck_interval() -> Duration {
    rand::rng().random_range(RECHECK_INTERVAL_MIN..=RECHECK_INTERVAL_MAX)
}

#[cfg(test)]
mod tests;
