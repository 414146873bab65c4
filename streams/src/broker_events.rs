//! What brokers say to a connection outside of messages: that it was lost, and that its user may not
//! publish or subscribe to a subject, or not reply any more. A client that retries is refused again and
//! again: each refusal is logged once.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_nats::{Event, ServerError};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::limits::{DENIAL_OVER_AFTER, DENIALS_REMEMBERED_MAX};

/// The events of one connection. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct BrokerEvents(Arc<State>);

#[derive(Default)]
struct State {
    is_lost: AtomicBool,
    /// Counts the times after which messages to subscribers may be missing.
    gaps: watch::Sender<u64>,
    denials: Mutex<Denials>,
}

/// What the user of the connection was not allowed to do.
#[derive(Default)]
struct Denials {
    /// When publishing to a subject that a fetcher watches was denied last. The fetcher logs it.
    watched: HashMap<String, Option<Instant>>,
    /// When anything else was denied last.
    others: BTreeMap<String, Instant>,
}

impl BrokerEvents {
    /// Changes each time that messages to subscribers may have been missed: the connection was lost, and is up again,
    /// or messages came faster than they were read.
    pub(crate) fn gaps(&self) -> watch::Receiver<u64> {
        self.0.gaps.subscribe()
    }

    /// Remembers when publishing to `subject` is denied, instead of logging it.
    pub(crate) fn watch(&self, subject: &str) {
        self.denials().watched.entry(subject.to_owned()).or_default();
    }

    /// Whether publishing to a watched subject was denied after `since`.
    pub(crate) fn was_denied(&self, subject: &str, since: Instant) -> bool {
        let denied = self.denials().watched.get(subject).copied().flatten();
        denied.is_some_and(|denied| denied >= since)
    }

    pub(crate) fn handle(&self, event: &Event) {
        let is_lost = &self.0.is_lost;
        match event {
            Event::Connected if is_lost.swap(false, Ordering::Relaxed) => {
                tracing::info!("broker connection restored");
                self.note_gap();
            }
            Event::Connected => tracing::debug!("broker connected"),
            Event::Disconnected => {
                is_lost.store(true, Ordering::Relaxed);
                tracing::warn!("broker connection lost");
            }
            Event::Closed | Event::Draining => {}
            // One for each message that is dropped: what reads them learns of the gap.
            Event::SlowConsumer(_) if self.0.gaps.receiver_count() > 0 => self.note_gap(),
            Event::ServerError(ServerError::Other(error)) => self.handle_error(error),
            other => tracing::warn!(event = %other, "broker connection event"),
        }
    }

    fn note_gap(&self) {
        self.0.gaps.send_modify(|gaps| *gaps += 1);
    }

    fn handle_error(&self, error: &str) {
        let Some((action, subject)) = parse_denial(error) else {
            tracing::warn!(error, "broker reports an error");
            return;
        };
        if !self.denials().is_new(action, subject, Instant::now()) {
            return;
        }
        if is_reply(action, subject) {
            // The broker allows a reply for a minute, and only over the connection on which its request came.
            tracing::warn!(subject, "reply refused: its connection was lost, or it came too late");
        } else {
            let remedy = "allow it to this user in the brokers' configuration and reload them";
            tracing::error!(action, subject, remedy, "the NATS user lacks a permission");
        }
    }

    fn denials(&self) -> MutexGuard<'_, Denials> {
        self.0.denials.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Denials {
    /// Remembers a denial. Returns whether it must be logged.
    fn is_new(&mut self, action: &str, subject: &str, now: Instant) -> bool {
        if action == PUBLISH
            && let Some(denied) = self.watched.get_mut(subject)
        {
            *denied = Some(now);
            return false;
        }
        let is_over = |at: &Instant| now.duration_since(*at) > DENIAL_OVER_AFTER;
        self.others.retain(|_, at| !is_over(at));
        let key = format!("{action} {}", subject_kind(subject));
        if self.others.len() == DENIALS_REMEMBERED_MAX && !self.others.contains_key(&key) {
            return false;
        }
        self.others.insert(key, now).is_none()
    }
}

const PUBLISH: &str = "Publish";

/// What was denied: `Permissions Violation for Publish to "orders.created"`.
fn parse_denial(error: &str) -> Option<(&str, &str)> {
    let denied = error.split_once("Permissions Violation for ")?.1;
    let (action, rest) = denied.split_once(" to \"")?;
    Some((action, rest.split_once('"')?.0))
}

/// A subject without what differs from one message to the next: inboxes and acks.
fn subject_kind(subject: &str) -> &str {
    let tokens = if is_inbox(subject) {
        1
    } else if subject.starts_with("$JS.ACK.") {
        4
    } else {
        return subject;
    };
    let end = subject.match_indices('.').nth(tokens - 1).map(|(end, _)| end);
    &subject[..end.unwrap_or(subject.len())]
}

/// Whether what was denied is the reply to a request, and so nothing that this user should be allowed in general.
fn is_reply(action: &str, subject: &str) -> bool {
    action == PUBLISH && is_inbox(subject)
}

/// Whether a client waits for replies on this subject.
fn is_inbox(subject: &str) -> bool {
    subject.starts_with("_INBOX")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PULL: &str = "$JS.API.CONSUMER.MSG.NEXT.ORDERS_1.payment";

    #[test]
    fn a_denial_that_is_repeated_is_new_once_and_again_after_it_was_over() {
        let (mut denials, now) = (Denials::default(), Instant::now());
        assert!(denials.is_new(PUBLISH, "$JS.ACK.ORDERS_1.payment.1.2.3.4.0", now));
        assert!(!denials.is_new(PUBLISH, "$JS.ACK.ORDERS_1.payment.1.9.9.9.0", now));
        assert!(denials.is_new(PUBLISH, "$JS.ACK.ORDERS_1.fulfilment.1.9.9.9.0", now));
        assert!(denials.is_new("Subscription", "_INBOX.abc.1", now));
        assert!(!denials.is_new("Subscription", "_INBOX.def.2", now));
        let later = now + 2 * DENIAL_OVER_AFTER;
        assert!(denials.is_new(PUBLISH, "$JS.ACK.ORDERS_1.payment.1.2.3.4.0", later));
    }

    #[test]
    fn the_denials_that_are_remembered_are_bounded() {
        let (mut denials, now) = (Denials::default(), Instant::now());
        let mut subjects = (0..10 * DENIALS_REMEMBERED_MAX).map(|number| format!("a.{number}"));
        let logged = subjects.by_ref().filter(|subject| denials.is_new(PUBLISH, subject, now));
        assert_eq!(logged.count(), DENIALS_REMEMBERED_MAX);
        assert_eq!(denials.others.len(), DENIALS_REMEMBERED_MAX);
    }

    #[test]
    fn a_denied_pull_is_remembered_for_the_fetcher_that_logs_it() {
        let (events, before) = (BrokerEvents::default(), Instant::now());
        events.watch(PULL);
        assert!(!events.was_denied(PULL, before));
        events.handle_error(&format!("Permissions Violation for Publish to \"{PULL}\""));
        assert!(events.was_denied(PULL, before));
        assert!(events.denials().others.is_empty());
    }

    #[test]
    fn what_may_have_been_missed_is_said_to_what_reads() {
        let events = BrokerEvents::default();
        events.handle(&Event::SlowConsumer(1));
        let mut gaps = events.gaps();
        events.handle(&Event::Connected);
        assert!(!gaps.has_changed().unwrap(), "nothing was missed before the first connection");
        events.handle(&Event::Disconnected);
        assert!(!gaps.has_changed().unwrap());
        events.handle(&Event::Connected);
        assert!(gaps.has_changed().unwrap());
        gaps.mark_unchanged();
        events.handle(&Event::SlowConsumer(1));
        assert!(gaps.has_changed().unwrap());
    }

    #[test]
    fn a_reply_that_is_refused_is_no_lack_of_a_permission() {
        assert!(is_reply(PUBLISH, "_INBOX_edge.abc.36"));
        assert!(!is_reply("Subscription", "_INBOX_edge.abc.36"));
        assert!(!is_reply(PUBLISH, "orders.1.created"));
    }

    #[test]
    fn the_brokers_sentences_are_understood() {
        let publish = "Permissions Violation for Publish to \"orders.created\"";
        assert_eq!(parse_denial(publish), Some(("Publish", "orders.created")));
        let subscribe =
            "'Permissions Violation for Subscription to \"_INBOX.a.*\" using queue \"q\"'";
        assert_eq!(parse_denial(subscribe), Some(("Subscription", "_INBOX.a.*")));
        assert_eq!(parse_denial("Maximum Connections Exceeded"), None);
    }
}
