//! Whether anything comes back that answers messages. A message is sent elsewhere because of
//! silence, not because its answer is late.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::limits::{
    ROUTE_DOUBTED_FOR, ROUTE_SILENCE_MAX, ROUTE_SILENCE_MIN, ROUTE_SILENCE_PER_REPLY_TIME,
    ROUTE_UNANSWERED_AFTER,
};

/// Whether messages over a route, or in a lane, are answered. Cheap to clone; clones share it.
#[derive(Clone, Default)]
pub(crate) struct Silence(Arc<Mutex<Replies>>);

/// A message that waits for its answer, until this is dropped.
pub(crate) struct InFlight(Silence);

/// What came back, compared with what was sent.
#[derive(Default)]
struct Replies {
    /// Messages that wait for their answer.
    in_flight: usize,
    /// Since when nothing has come back, although something was waited for.
    unanswered_since: Option<Instant>,
    /// When a message last stopped to wait for its answer.
    settled_at: Option<Instant>,
    /// What slow replies take: the longest time of the last ones, less for each one since.
    slow_reply: Duration,
}

impl Silence {
    /// Begins to wait for the answer to a message.
    pub(crate) fn wait_for_answer(&self) -> InFlight {
        self.replies().begin(Instant::now());
        InFlight(self.clone())
    }

    /// Whether an answer is overdue.
    pub(crate) fn is_overdue(&self) -> bool {
        self.replies().are_overdue(Instant::now())
    }

    /// Whether messages are answered at all.
    pub(crate) fn is_answered(&self) -> bool {
        self.replies().are_answered(Instant::now())
    }

    fn replies(&self) -> MutexGuard<'_, Replies> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl InFlight {
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

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.replies().settled(Instant::now());
    }
}

impl Replies {
    /// A message begins to wait for its answer.
    fn begin(&mut self, now: Instant) {
        if self.silence(now).is_zero() {
            self.unanswered_since = None;
        }
        self.in_flight += 1;
    }

    /// A message was sent.
    fn sent(&mut self, now: Instant) {
        self.unanswered_since.get_or_insert(now);
    }

    /// Something that answers a message was received, so long after the message was sent.
    fn received(&mut self, now: Instant, took: Duration) {
        self.unanswered_since = (self.in_flight > 1).then_some(now);
        self.slow_reply = took.max(self.slow_reply.mul_f64(SLOW_REPLY_DECAY));
    }

    /// A message does not wait any more.
    fn settled(&mut self, now: Instant) {
        self.in_flight -= 1;
        self.settled_at = Some(now);
    }

    /// For how long nothing has come back. If nothing is waited for, there is doubt for a while if
    /// the last message was not answered.
    fn silence(&self, now: Instant) -> Duration {
        let is_in_doubt =
            self.settled_at.is_some_and(|at| now.duration_since(at) < ROUTE_DOUBTED_FOR);
        let unanswered = self.unanswered_since.filter(|_| self.in_flight > 0 || is_in_doubt);
        unanswered.map_or(Duration::ZERO, |since| now.duration_since(since))
    }

    /// Whether an answer is overdue.
    fn are_overdue(&self, now: Instant) -> bool {
        let bound = self.slow_reply * ROUTE_SILENCE_PER_REPLY_TIME;
        self.silence(now) >= bound.clamp(ROUTE_SILENCE_MIN, ROUTE_SILENCE_MAX)
    }

    /// Whether messages are answered at all.
    fn are_answered(&self, now: Instant) -> bool {
        self.silence(now) < ROUTE_UNANSWERED_AFTER
    }
}

/// A reply that took long counts for half as long after 70 others.
const SLOW_REPLY_DECAY: f64 = 0.99;

#[cfg(test)]
mod tests {
    use super::*;

    const REPLY: Duration = Duration::from_millis(2);

    #[test]
    fn only_a_route_over_which_nothing_comes_back_is_overdue() {
        let (mut replies, start) = (Replies::default(), Instant::now());
        let later = start + 2 * ROUTE_SILENCE_MIN;
        for _ in 0..2 {
            replies.begin(start);
            replies.sent(start);
        }
        assert!(!replies.are_overdue(start + ROUTE_SILENCE_MIN / 2));
        assert!(replies.are_overdue(later));
        replies.received(later, REPLY);
        replies.settled(later);
        assert!(!replies.are_overdue(later), "one ack is late, but others arrive");
        assert!(replies.are_overdue(later + ROUTE_SILENCE_MIN));
        replies.received(later, REPLY);
        replies.settled(later);
        assert!(!replies.are_overdue(later + ROUTE_SILENCE_MIN), "nothing is waited for");
    }

    #[test]
    fn a_route_that_did_not_answer_is_in_doubt_for_a_while_and_then_tried_again() {
        let (mut replies, start) = (Replies::default(), Instant::now());
        replies.begin(start);
        replies.sent(start);
        let given_up = start + ROUTE_SILENCE_MAX;
        replies.settled(given_up);
        assert!(replies.are_overdue(given_up));
        let later = given_up + ROUTE_DOUBTED_FOR;
        assert!(!replies.are_overdue(later));
        replies.begin(later);
        replies.sent(later);
        assert!(!replies.are_overdue(later));
    }

    #[test]
    fn a_slow_broker_is_waited_for_longer_but_not_for_ever() {
        for (took, bound) in [
            (REPLY, ROUTE_SILENCE_MIN),
            (ROUTE_SILENCE_MIN, ROUTE_SILENCE_MIN * ROUTE_SILENCE_PER_REPLY_TIME),
            (ROUTE_SILENCE_MAX, ROUTE_SILENCE_MAX),
        ] {
            let (mut replies, start) = (Replies::default(), Instant::now());
            replies.begin(start);
            replies.received(start, took);
            replies.sent(start);
            assert!(!replies.are_overdue(start + bound - Duration::from_millis(1)));
            assert!(replies.are_overdue(start + bound), "{took:?}");
        }
    }
}
