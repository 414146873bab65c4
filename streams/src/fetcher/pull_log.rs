//! Logs once when the pull requests of a consumer begin to fail, and once when they are served
//! again, however often and by however many fetchers of the process they are repeated.

use std::collections::BTreeMap;
use std::mem::{Discriminant, replace, take};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::pull_failure::PullFailure;
use crate::Durable;

/// The logs of the durable consumers of one source. Cheap to clone; clones share them.
#[derive(Clone, Default)]
pub(super) struct PullLogs(Arc<Mutex<BTreeMap<Durable, Arc<Mutex<Outage>>>>>);

/// The log of one fetcher, which it shares with the other fetchers of the consumer.
pub(super) struct PullLog {
    durable: Durable,
    outage: Arc<Mutex<Outage>>,
    /// Whether this fetcher's last request failed.
    is_failing: bool,
}

/// What the fetchers of one consumer share: an outage lasts from the first request that fails until
/// each of them is served again.
#[derive(Default)]
struct Outage {
    /// The fetchers whose last request failed.
    failing: usize,
    /// Reasons that were logged: each at most once.
    logged: Vec<Discriminant<PullFailure>>,
}

impl PullLogs {
    /// The log of one more fetcher of `durable`.
    pub(super) fn of(&self, durable: &Durable) -> PullLog {
        let mut outages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let outage = outages.entry(durable.clone()).or_default().clone();
        PullLog { durable: durable.clone(), outage, is_failing: false }
    }
}

impl PullLog {
    /// A request has failed. Returns whether the one before was served.
    pub(super) fn failed(&mut self, failure: &PullFailure) -> bool {
        let is_first = !replace(&mut self.is_failing, true);
        let Durable { stream, ref name, .. } = self.durable;
        let (reason, remedy) = (failure.to_string(), failure.remedy());
        let must_log = self.outage().add(failure, is_first);
        if must_log {
            tracing::warn!(stream, consumer = name, reason, remedy, "pull requests fail, retrying");
        } else {
            tracing::debug!(stream, consumer = name, reason, "another pull request has failed");
        }
        is_first
    }

    /// A request was served, perhaps without a message.
    pub(super) fn served(&mut self) {
        if take(&mut self.is_failing) && self.outage().remove() {
            let Durable { stream, ref name, .. } = self.durable;
            tracing::info!(stream, consumer = name, "pull requests are served again");
        }
    }

    fn outage(&self) -> MutexGuard<'_, Outage> {
        self.outage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outage {
    /// A request has failed, of a fetcher for which it is the first one or not. Returns whether that
    /// must be logged.
    fn add(&mut self, failure: &PullFailure, is_first: bool) -> bool {
        self.failing += usize::from(is_first);
        let is_known = self.logged.contains(&failure.kind());
        if is_known || !failure.says_more(!self.logged.is_empty()) {
            return false;
        }
        self.logged.push(failure.kind());
        true
    }

    /// A fetcher is served again. Returns whether that must be logged.
    fn remove(&mut self) -> bool {
        self.failing -= 1;
        self.failing == 0 && !take(&mut self.logged).is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_logged_once_however_often_and_by_however_many_fetchers_it_is_met() {
        let mut outage = Outage::default();
        let denied = PullFailure::NoPermission("a.b".to_owned());
        let mut logged = 0;
        for pull in 0..10 {
            for _fetcher in 0..3 {
                logged += usize::from(outage.add(&denied, pull == 0));
            }
        }
        assert_eq!(logged, 1);
        assert_eq!([outage.remove(), outage.remove(), outage.remove()], [false, false, true]);
        assert!(outage.add(&denied, true), "another outage");
    }

    #[test]
    fn another_reason_is_logged_unless_it_says_nothing_more() {
        let mut outage = Outage::default();
        assert!(!outage.add(&PullFailure::Disconnected, true), "the connection logs it");
        assert!(!outage.remove());
        assert!(outage.add(&PullFailure::ConsumerGone, true));
        assert!(!outage.add(&PullFailure::NoResponder, false));
        assert!(outage.add(&PullFailure::LimitExceeded("MaxRequestBatch of 1".to_owned()), false));
        assert!(outage.remove());
        assert!(outage.add(&PullFailure::NoResponder, true));
    }
}
