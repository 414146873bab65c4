//! Idempotency keys and the answers saved under them.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::answer::Answer;
use super::failure::Failure;

/// Stripe forgets a key after a day; here the latest million is kept, some 200 MB. A forgotten key
/// does no harm to a caller who confirms and refunds by an intent's id.
const KEPT: usize = 1 << 20;

/// The keys in use and those of the past.
#[derive(Default)]
pub(super) struct Keys {
    known: HashMap<Arc<str>, KeyEntry>,
    oldest_first: VecDeque<Arc<str>>,
}

struct KeyEntry {
    fingerprint: u64,
    /// None while the request is in progress.
    answer: Option<Answer>,
}

impl Keys {
    /// Takes a key for a request; gives the saved answer if the request was executed before.
    ///
    /// # Errors
    /// The key is in use, or was used for another request.
    pub(super) fn begin(&mut self, key: &str, fingerprint: u64) -> Result<Option<Answer>, Failure> {
        match self.known.get(key) {
            Some(used) if used.fingerprint != fingerprint => Err(Failure::key_reused(key)),
            Some(KeyEntry { answer: None, .. }) => Err(Failure::key_in_use(key)),
            Some(KeyEntry { answer, .. }) => Ok(answer.clone()),
            None => {
                self.remember(key, fingerprint);
                Ok(None)
            }
        }
    }

    /// Saves the answer that every repeat will get.
    pub(super) fn finish(&mut self, key: &str, answer: &Answer) {
        if let Some(used) = self.known.get_mut(key) {
            used.answer = Some(answer.clone());
        }
    }

    fn remember(&mut self, key: &str, fingerprint: u64) {
        if self.oldest_first.len() == KEPT
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.known.remove(&oldest);
        }
        let key: Arc<str> = key.into();
        self.oldest_first.push_back(Arc::clone(&key));
        self.known.insert(key, KeyEntry { fingerprint, answer: None });
    }
}
