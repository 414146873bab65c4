//! Idempotency keys and the responses saved under them.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::error::ApiError;
use super::limits::KEYS_MAX;
use super::response::ResponseBody;

/// The keys of running and of completed requests.
#[derive(Default)]
pub(super) struct IdempotencyKeys {
    entries: HashMap<Arc<str>, KeyEntry>,
    oldest_first: VecDeque<Arc<str>>,
}

struct KeyEntry {
    /// Hash of the request that used the key first.
    fingerprint: u64,
    /// `None` while the request is in progress.
    response: Option<ResponseBody>,
}

impl IdempotencyKeys {
    /// Claims a key for a request. Returns the saved response if the request was executed before.
    ///
    /// # Errors
    /// The key is in use, or was used for another request.
    pub(super) fn begin(
        &mut self,
        key: &str,
        fingerprint: u64,
    ) -> Result<Option<ResponseBody>, ApiError> {
        match self.entries.get(key) {
            Some(entry) if entry.fingerprint != fingerprint => Err(ApiError::key_reused(key)),
            Some(KeyEntry { response: None, .. }) => Err(ApiError::key_in_use(key)),
            Some(KeyEntry { response, .. }) => Ok(response.clone()),
            None => {
                self.insert(key, fingerprint);
                Ok(None)
            }
        }
    }

    /// Saves the response that every repeat of the request gets.
    pub(super) fn finish(&mut self, key: &str, response: &ResponseBody) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.response = Some(response.clone());
        }
    }

    fn insert(&mut self, key: &str, fingerprint: u64) {
        if self.oldest_first.len() == KEYS_MAX
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.entries.remove(&oldest);
        }
        let key: Arc<str> = key.into();
        self.oldest_first.push_back(Arc::clone(&key));
        self.entries.insert(key, KeyEntry { fingerprint, response: None });
    }
}
