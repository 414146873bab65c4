//! One connection, and whether anything comes back over it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use crate::Connection;
use crate::silence::Replies;

/// A connection over which messages are sent that are answered.
pub(crate) struct Route {
    pub(crate) connection: Connection,
    replies: Mutex<Replies>,
}

/// A message that waits for its answer over a route, until this is dropped.
pub(crate) struct InFlight<'a>(&'a Route);

impl Route {
    pub(crate) fn new(connection: Connection) -> Self {
        Self { connection, replies: Mutex::default() }
    }

    /// Begins to wait for the answer to a message.
    pub(crate) fn wait_for_answer(&self) -> InFlight<'_> {
        self.replies().begin(Instant::now());
        InFlight(self)
    }

    /// Whether a message that is sent over this route can be expected to be answered soon.
    pub(crate) fn is_good(&self) -> bool {
        self.connection.is_connected() && !self.replies().are_overdue(Instant::now())
    }

    /// Whether messages over this route are answered at all.
    pub(crate) fn is_answered(&self) -> bool {
        self.connection.is_connected() && self.replies().are_answered(Instant::now())
    }

    /// Whether both end at the same broker.
    pub(crate) fn has_broker_of(&self, other: &Self) -> bool {
        let broker = |route: &Self| route.connection.client.server_info().server_id;
        broker(self) == broker(other)
    }

    fn replies(&self) -> MutexGuard<'_, Replies> {
        self.replies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl InFlight<'_> {
    /// The message was sent. Returns when.
    pub(crate) fn sent(&self) -> Instant {
        let now = Instant::now();
        self.0.replies().sent(now);
        now
    }

    /// Something that answers the message was received.
    pub(crate) fn answered(&self, sent_at: Instant) {
        let now = Instant::now();
        self.0.replies().received(now, now - sent_at);
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.replies().settled(Instant::now());
    }
}
